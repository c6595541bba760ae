import { HIDDEN_FORMATS, HIDDEN_VALUE_BYTES } from '../inference/layer-runner.ts';
import type { LayerInput } from '../inference/layer-runner.ts';
import type { SessionId } from '../ids.ts';
import type { ByteQueue } from './byte-queue.ts';
import { crc32 } from './crc32.ts';
import { OpenGatewayError } from '../errors.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_POSITIONS, MAX_HIDDEN_PAYLOAD_BYTES, TOKEN_BYTES } from './limits.ts';

/** A frame that is damaged, of another session, or that nobody may send. */
export class BadFrameError extends OpenGatewayError {
  static override readonly name = 'BadFrameError';
  constructor(message: string) {
    super('bad_frame', message);
  }
}

/**
 * What stages send each other: hidden states, chosen tokens, and (the other way) how many payload bytes were
 * taken since the last such frame.
 */
export type TensorFrame = LayerInput | { readonly type: 'taken'; readonly bytes: number };

const VERSION = 1;
const KINDS = ['hidden', 'token', 'taken'] as const;
const CHECKSUM_OFFSET = FRAME_HEADER_BYTES - 4;

/**
 * Header, little-endian: version u8, kind u8, dtype u8, 0 u8, session tag u32, position u32, count u32, payload
 * bytes u32, CRC-32 u32 of all of this before it and of the payload. Payload: rows of hidden states, or one token
 * id; for `taken` none, and the bytes stand in `count`.
 */
export function encodeFrame(frame: TensorFrame, tag: number): Uint8Array<ArrayBuffer> {
  const payload = payloadOf(frame);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, KINDS.indexOf(frame.type) + 1);
  view.setUint8(2, frame.type === 'hidden' ? HIDDEN_FORMATS.indexOf(frame.format) + 1 : 0);
  view.setUint32(4, tag, true);
  view.setUint32(8, frame.type === 'taken' ? 0 : frame.position, true);
  view.setUint32(12, countOf(frame), true);
  view.setUint32(16, payload.byteLength, true);
  bytes.set(payload, FRAME_HEADER_BYTES);
  view.setUint32(CHECKSUM_OFFSET, checksum(bytes), true);
  return bytes;
}

/**
 * Takes the next whole frame off the queue; undefined while it is still incomplete.
 *
 * @param hiddenSize values of one row of hidden states
 * @throws `bad_frame` as soon as the header is wrong: no payload is waited for on the word of a damaged one.
 */
export function takeFrame(queue: ByteQueue, tag: number, hiddenSize: number): TensorFrame | undefined {
  if (queue.byteLength < FRAME_HEADER_BYTES) return undefined;
  const payloadBytes = checkHeader(queue, tag, hiddenSize);
  if (queue.byteLength < FRAME_HEADER_BYTES + payloadBytes) return undefined;
  const header = queue.take(FRAME_HEADER_BYTES);
  const payload = queue.take(payloadBytes);
  const view = new DataView(header.buffer);
  if (view.getUint32(CHECKSUM_OFFSET, true) !== crc32(payload, crc32(header.subarray(0, CHECKSUM_OFFSET)))) {
    throw new BadFrameError('The checksum does not match.');
  }
  const position = view.getUint32(8, true);
  const count = view.getUint32(12, true);
  const kind = KINDS[view.getUint8(1) - 1] as (typeof KINDS)[number];
  switch (kind) {
    case 'taken':
      return { type: 'taken', bytes: count };
    case 'token':
      return { type: 'token', position, token: new DataView(payload.buffer).getUint32(0, true) };
    case 'hidden': {
      const format = HIDDEN_FORMATS[view.getUint8(2) - 1] as (typeof HIDDEN_FORMATS)[number];
      return { type: 'hidden', position, count, format, payload: payload as Uint8Array<ArrayBuffer> };
    }
    default:
      return kind satisfies never;
  }
}

/** What marks the frames of a session, so that one that strayed is noticed: FNV-1a of its id. */
export function sessionTag(session: SessionId): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < session.length; index++) {
    hash = Math.imul(hash ^ session.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** Bytes that count against a link's window. */
export const framePayloadBytes = (frame: TensorFrame): number =>
  frame.type === 'hidden' ? frame.payload.byteLength : frame.type === 'token' ? TOKEN_BYTES : 0;

/** The payload's bytes, where the header holds together. */
function checkHeader(queue: ByteQueue, tag: number, hiddenSize: number): number {
  const u32 = (offset: number) =>
    (queue.peek(offset) |
      (queue.peek(offset + 1) << 8) |
      (queue.peek(offset + 2) << 16) |
      (queue.peek(offset + 3) << 24)) >>>
    0;
  if (queue.peek(0) !== VERSION) throw new BadFrameError('Not a frame of this version.');
  const kind = KINDS[queue.peek(1) - 1];
  if (kind === undefined || queue.peek(3) !== 0) throw new BadFrameError('An unknown kind of frame.');
  if (u32(4) !== tag) throw new BadFrameError('A frame of another session.');
  const format = HIDDEN_FORMATS[queue.peek(2) - 1];
  if ((kind === 'hidden') !== (format !== undefined)) throw new BadFrameError('An unknown format.');
  const count = u32(12);
  const payloadBytes = u32(16);
  const expected =
    kind === 'taken' ? 0 : format === undefined ? TOKEN_BYTES : count * hiddenSize * HIDDEN_VALUE_BYTES[format];
  if (kind !== 'taken' && (count < 1 || count > (kind === 'token' ? 1 : MAX_FRAME_POSITIONS))) {
    throw new BadFrameError('A frame of a size that nobody sends.');
  }
  if (payloadBytes !== expected || (kind === 'hidden' && count > 1 && payloadBytes > MAX_HIDDEN_PAYLOAD_BYTES)) {
    throw new BadFrameError('A frame of a size that nobody sends.');
  }
  return payloadBytes;
}

function payloadOf(frame: TensorFrame): Uint8Array {
  if (frame.type === 'hidden') return frame.payload;
  if (frame.type === 'taken') return new Uint8Array(0);
  const bytes = new Uint8Array(TOKEN_BYTES);
  new DataView(bytes.buffer).setUint32(0, frame.token, true);
  return bytes;
}

function countOf(frame: TensorFrame): number {
  if (frame.type === 'taken') return frame.bytes;
  return frame.type === 'hidden' ? frame.count : 1;
}

const checksum = (frame: Uint8Array): number =>
  crc32(frame.subarray(FRAME_HEADER_BYTES), crc32(frame.subarray(0, CHECKSUM_OFFSET)));
