import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

describe('a byte queue', () => {
  it('gives back what was put in, however it came and is taken', () => {
    const chunk = fc.uint8Array({ maxLength: 3_000 });
    const work = fc.array(fc.oneof(chunk, fc.nat(5_000)), { maxLength: 40 });
    fc.assert(
      fc.property(work, (steps) => {
        const queue = new ByteQueue();
        let expected: number[] = [];
        for (const step of steps) {
          if (typeof step !== 'number') {
            queue.push(step);
            expected.push(...step);
          } else if (step <= expected.length) {
            expect([...queue.take(step)]).toEqual(expected.slice(0, step));
            expected = expected.slice(step);
          } else {
            expect(() => queue.take(step)).toThrow(RangeError);
          }
          expect(queue.byteLength).toBe(expected.length);
          if (expected.length > 0) {
            const index = Math.min(1_500, expected.length - 1);
            expect(queue.peek(index)).toBe(expected[index]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds single bytes in few pieces', () => {
    const queue = new ByteQueue();
    for (let index = 0; index < 65_536; index++) queue.push(Uint8Array.of(index));
    expect(queue.pieces).toBe(16);
    const taken = queue.take(65_536);
    expect(taken.every((byte, index) => byte === (index & 0xff))).toBe(true);
    expect(queue.pieces).toBe(0);
  });

  it('keeps its own copy of small chunks, and large ones as they are', () => {
    const queue = new ByteQueue();
    const reused = Uint8Array.of(1, 2, 3);
    queue.push(reused);
    reused.fill(9);
    expect([...queue.take(2)]).toEqual([1, 2]);
    queue.push(Uint8Array.of(4));
    expect([...queue.take(2)]).toEqual([3, 4]);
  });
});
