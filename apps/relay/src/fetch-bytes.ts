export interface FetchBytesOptions {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The whole body of a `GET`, of at most `maxBytes`, within `timeoutMs`.
 *
 * @throws Error that says what went wrong, for an operator.
 */
export async function fetchBytes(url: string, { maxBytes, timeoutMs, signal }: FetchBytesOptions): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${url} answers ${response.status}.`);
  }
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw new Error(`${url} sends more than ${maxBytes} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
