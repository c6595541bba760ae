import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';
import { addLengthPrefix, takeMessage } from './length-prefix.ts';

const concat = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

function queued(...bytes: number[]): ByteQueue {
  const queue = new ByteQueue();
  queue.push(Uint8Array.from(bytes));
  return queue;
}

describe('length-prefixed messages', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (messages, cuts) => {
          const bytes = concat(messages.map(addLengthPrefix));
          const queue = new ByteQueue();
          const taken: Uint8Array[] = [];
          for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
            const length = cuts[turn % cuts.length] ?? 1;
            queue.push(bytes.subarray(offset, offset + length));
            offset += length;
            for (let next = takeMessage(queue, 400); next !== undefined; next = takeMessage(queue, 400))
              taken.push(next);
          }
          expect(taken).toEqual(messages);
          expect(queue.byteLength).toBe(0);
        },
      ),
    );
  });

  it('are refused by their length alone', () => {
    expect(() => takeMessage(queued(0xff, 0x7f), 1_000)).toThrow('16383 bytes');
  });

  it('are refused where the prefix is too long or not the shortest', () => {
    expect(() => takeMessage(queued(0x80, 0x80, 0x80, 0x80, 0x80), 1_000)).toThrow('too long');
    expect(() => takeMessage(queued(0x81, 0x00), 1_000)).toThrow('shortest');
  });

  it('are waited for while incomplete', () => {
    expect(takeMessage(queued(), 10)).toBeUndefined();
    expect(takeMessage(queued(0x80), 10)).toBeUndefined();
    expect(takeMessage(queued(3, 1, 2), 10)).toBeUndefined();
  });
});
