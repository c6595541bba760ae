import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import type { SessionId } from '../ids.ts';
import { ByteQueue } from './byte-queue.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_POSITIONS } from './limits.ts';
import { encodeFrame, sessionTag, takeFrame } from './tensor-frame.ts';
import type { TensorFrame } from './tensor-frame.ts';

const HIDDEN_SIZE = 6;
const TAG = sessionTag('some-session' as SessionId);

const position = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const hidden = fc
  .tuple(position, fc.integer({ min: 1, max: 9 }), fc.constantFrom('f16' as const, 'f32' as const))
  .chain(([at, count, format]) => {
    const bytes = count * HIDDEN_SIZE * (format === 'f16' ? 2 : 4);
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((payload): TensorFrame => ({ type: 'hidden', position: at, count, format, payload: payload.slice() }));
  });
const frame = fc.oneof(
  hidden,
  fc.record({ type: fc.constant('token' as const), position, token: position }),
  fc.record({ type: fc.constant('taken' as const), bytes: position }),
);

const queueOf = (...pieces: Uint8Array[]) => {
  const queue = new ByteQueue();
  for (const piece of pieces) queue.push(piece);
  return queue;
};
const take = (queue: ByteQueue, tag = TAG) => takeFrame(queue, tag, HIDDEN_SIZE);

describe('frames between stages', () => {
  it('come back as they were, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), (frames, pieceBytes) => {
        const queue = new ByteQueue();
        const taken: TensorFrame[] = [];
        for (const bytes of frames.map((one) => encodeFrame(one, TAG))) {
          for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
            queue.push(bytes.subarray(offset, offset + pieceBytes));
            const next = take(queue);
            if (next !== undefined) taken.push(next);
          }
        }
        expect(taken).toEqual(frames);
      }),
    );
  });

  it('are refused with any one bit changed', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (one, at) => {
        const bytes = encodeFrame(one, TAG);
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => {
          // A changed length may leave it incomplete, which is no frame either.
          if (take(queueOf(bytes)) === undefined) throw Object.assign(new Error('incomplete'), { code: 'bad_frame' });
        }).toThrow(expect.objectContaining({ code: 'bad_frame' }));
      }),
    );
  });

  it('are refused in another session', () => {
    fc.assert(
      fc.property(frame, (one) => {
        const other = sessionTag('some-other' as SessionId);
        expect(() => take(queueOf(encodeFrame(one, TAG)), other)).toThrow('another session');
      }),
    );
  });

  it('are never made of garbage, and garbage fails with a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: FRAME_HEADER_BYTES, maxLength: 80 }), (bytes) => {
        try {
          expect(take(queueOf(bytes))).toBeUndefined();
        } catch (error) {
          expect(errorCode(error)).toBe('bad_frame');
        }
      }),
    );
  });

  it('are refused by their header, before any payload is waited for', () => {
    const count = MAX_FRAME_POSITIONS + 1;
    const payload = new Uint8Array(count * HIDDEN_SIZE * 2);
    const bytes = encodeFrame({ type: 'hidden', position: 0, count, format: 'f16', payload }, TAG);
    expect(() => take(queueOf(bytes.subarray(0, FRAME_HEADER_BYTES)))).toThrow('size that nobody sends');
  });
});
