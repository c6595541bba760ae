import type { ByteQueue } from './byte-queue.ts';
import { MalformedMessageError, MessageTooLargeError } from './errors.ts';
import { MAX_LENGTH_PREFIX_BYTES } from './limits.ts';

/** `body` behind its length as an unsigned LEB128 varint. */
export function addLengthPrefix(body: Uint8Array): Uint8Array {
  const prefix: number[] = [];
  let rest = body.byteLength;
  while (rest >= 0x80) {
    prefix.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  prefix.push(rest);
  const framed = new Uint8Array(prefix.length + body.byteLength);
  framed.set(prefix);
  framed.set(body, prefix.length);
  return framed;
}

/**
 * Takes the next whole message off the queue; undefined while it is still incomplete.
 *
 * @throws `message_too_large` as soon as the prefix says so, `malformed_message` for a prefix that is too long.
 */
export function takeMessage(queue: ByteQueue, maxBytes: number): Uint8Array | undefined {
  let length = 0;
  for (let index = 0; index < queue.byteLength; index++) {
    if (index === MAX_LENGTH_PREFIX_BYTES) throw new MalformedMessageError('The length prefix is too long.');
    const byte = queue.peek(index);
    length |= (byte & 0x7f) << (7 * index);
    if (byte >= 0x80) continue;
    if (byte === 0 && index > 0) throw new MalformedMessageError('The length prefix is not the shortest.');
    if (length > maxBytes) throw new MessageTooLargeError(length, maxBytes);
    if (queue.byteLength < index + 1 + length) return undefined;
    queue.take(index + 1);
    return queue.take(length);
  }
  return undefined;
}
