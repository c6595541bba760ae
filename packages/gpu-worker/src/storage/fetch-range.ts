/** Why a range could not be had from one address. */
export class RangeFetchError extends Error {
  static override readonly name: string = 'RangeFetchError';
  /** Whether the same address may answer later. */
  readonly retryable: boolean;

  constructor(message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.retryable = retryable;
  }
}

export interface WantedRange {
  readonly start: number;
  readonly length: number;
  /** Size of the whole file. */
  readonly total: number;
}

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i;

/**
 * One range request into `buffer`; never reads more than was asked for.
 *
 * @throws RangeFetchError, or the signal's reason.
 */
export async function fetchRange(
  request: typeof fetch,
  address: string,
  range: WantedRange,
  { buffer, signal }: { buffer: Uint8Array<ArrayBuffer>; signal: AbortSignal },
): Promise<Uint8Array> {
  const response = await request(address, {
    headers: { range: `bytes=${range.start}-${range.start + range.length - 1}` },
    signal,
    credentials: 'omit',
    // The weights store keeps what it needs: the browser's cache would keep it twice.
    cache: 'no-store',
  });
  try {
    checkResponse(response, range);
    return await readBody(response, buffer.subarray(0, range.length));
  } catch (error) {
    // The rest of an unwanted body is not worth its traffic, and that it ends badly says nothing more.
    await response.body?.cancel().catch(() => undefined);
    throw error;
  }
}

function checkResponse({ status, headers }: Response, { start, length, total }: WantedRange): void {
  // A server without ranges is fine where the range is all there is.
  if (status === 200 && length === total) return;
  if (status === 200) throw new RangeFetchError('the server does not answer range requests.', false);
  if (status !== 206) throw new RangeFetchError(`the server answered ${status}.`, RETRYABLE_STATUS.has(status));
  const [, first, last, whole] = CONTENT_RANGE.exec(headers.get('content-range') ?? '') ?? [];
  if (Number(first) !== start || Number(last) !== start + length - 1) {
    throw new RangeFetchError('the server answered another range than was asked for.', false);
  }
  if (whole !== '*' && Number(whole) !== total) {
    throw new RangeFetchError(`the server's file has ${whole} bytes, not ${total}.`, false);
  }
}

async function readBody(response: Response, target: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  let done = 0;
  const reader = response.body?.getReader();
  if (!reader) throw new RangeFetchError('the answer is empty.', true);
  try {
    for (;;) {
      const { value, done: end } = await reader.read();
      if (end) break;
      if (done + value.byteLength > target.byteLength) {
        throw new RangeFetchError('the answer is longer than the range asked for.', false);
      }
      target.set(value, done);
      done += value.byteLength;
    }
  } finally {
    reader.releaseLock();
  }
  if (done < target.byteLength) throw new RangeFetchError('the answer is shorter than the range asked for.', true);
  return target;
}
