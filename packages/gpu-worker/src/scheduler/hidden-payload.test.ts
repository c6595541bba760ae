import { MAX_FRAME_POSITIONS, MAX_HIDDEN_PAYLOAD_BYTES } from '@opengateway/core';
import { array, assert, constantFrom, float, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHidden, encodeHidden } from './hidden-payload.ts';

describe('hidden states on their way between stages', () => {
  it('come back as they were in 32 bits, and nearly so in 16, whatever they are split into', () => {
    const value = float({ noNaN: true, noDefaultInfinity: true, min: -60_000, max: 60_000 });
    assert(
      property(
        array(value, { minLength: 1, maxLength: 40 }),
        integer({ min: 0, max: 9_000 }),
        constantFrom('f16' as const, 'f32' as const),
        (values, position, format) => {
          const rows = Float32Array.from({ length: values.length * 4 }, (_, index) => values[index % values.length]!);
          const pieces = encodeHidden(rows, { position, hiddenSize: 4, format });
          const decoded = pieces.flatMap((piece) => [...decodeHidden(piece, 4)]);
          expect(pieces[0]!.position).toBe(position);
          expect(decoded).toHaveLength(rows.length);
          for (const [index, actual] of decoded.entries()) {
            const tolerance = format === 'f32' ? 0 : Math.max(2 ** -25, Math.abs(rows[index]!) * 2 ** -11);
            expect(Math.abs(actual - rows[index]!)).toBeLessThanOrEqual(tolerance);
          }
        },
      ),
    );
  });

  it('are no larger than a frame, in positions and in bytes', () => {
    const narrow = encodeHidden(new Float32Array(600 * 8), { position: 10, hiddenSize: 8, format: 'f32' });
    expect(narrow.map(({ position, count }) => [position, count])).toEqual([
      [10, MAX_FRAME_POSITIONS],
      [10 + MAX_FRAME_POSITIONS, MAX_FRAME_POSITIONS],
      [10 + 2 * MAX_FRAME_POSITIONS, 600 - 2 * MAX_FRAME_POSITIONS],
    ]);
    const wide = encodeHidden(new Float32Array(100 * 8192), { position: 0, hiddenSize: 8192, format: 'f16' });
    expect(Math.max(...wide.map(({ payload }) => payload.byteLength))).toBeLessThanOrEqual(MAX_HIDDEN_PAYLOAD_BYTES);
    expect(wide.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    const one = encodeHidden(new Float32Array(100_000), { position: 0, hiddenSize: 100_000, format: 'f32' });
    expect(one.map(({ count }) => count)).toEqual([1]);
  });

  it('go in 32 bits where 16 cannot hold one of them, and within the same bounds', () => {
    const rows = new Float32Array(64 * 4096).fill(1);
    rows[0] = 65_520;
    const pieces = encodeHidden(rows, { position: 0, hiddenSize: 4096, format: 'f16' });
    expect(pieces[0]!.format).toBe('f32');
    expect(pieces.at(-1)!.format).toBe('f16');
    expect(pieces.every(({ payload }) => payload.byteLength <= MAX_HIDDEN_PAYLOAD_BYTES)).toBe(true);
    expect(pieces.flatMap((piece) => [...decodeHidden(piece, 4096)])[0]).toBe(65_520);
    expect(pieces.reduce((next, { position, count }) => (position === next ? next + count : -1), 0)).toBe(64);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('are not told where one is %s', (value) => {
    const rows = Float32Array.of(1, 2, value, 4);
    for (const format of ['f16', 'f32'] as const) {
      expect(() => encodeHidden(rows, { position: 0, hiddenSize: 4, format })).toThrow(RangeError);
    }
  });

  it('are read from any place in a buffer', () => {
    for (const format of ['f16', 'f32'] as const) {
      const [states] = encodeHidden(Float32Array.of(1, -2, 0.5, 3), { position: 0, hiddenSize: 4, format });
      const shifted = new Uint8Array(states!.payload.byteLength + 1);
      shifted.set(states!.payload, 1);
      expect([...decodeHidden({ ...states!, payload: shifted.subarray(1) }, 4)]).toEqual([1, -2, 0.5, 3]);
    }
  });
});
