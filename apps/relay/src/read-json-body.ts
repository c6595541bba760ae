import { InvalidRequestError } from '@opengateway/core';
import { RequestTooLargeError, UnsupportedMediaTypeError } from './errors.ts';

/**
 * Reads a JSON body of at most `maximumBytes`, and no byte more.
 *
 * @throws UnsupportedMediaTypeError, RequestTooLargeError, InvalidRequestError `invalid_json`.
 */
export async function readJsonBody(request: Request, maximumBytes: number): Promise<unknown> {
  // Also what keeps other sites out: a browser sends this type across origins only where CORS allows it.
  const [type] = (request.headers.get('content-type') ?? '').split(';');
  if (type?.trim().toLowerCase() !== 'application/json') throw new UnsupportedMediaTypeError();
  if (Number(request.headers.get('content-length') ?? 0) > maximumBytes) throw new RequestTooLargeError(maximumBytes);

  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maximumBytes) throw new RequestTooLargeError(maximumBytes);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) as unknown;
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? 'is not valid JSON' : 'is not valid UTF-8';
    throw new InvalidRequestError('invalid_json', `The body ${problem}.`, null);
  }
}
