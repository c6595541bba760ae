import { array, assert, float, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOAT16_OVERFLOW, float16, portableFloat16 } from './float16.ts';

const ALL_HALVES = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);

/** Values where rounding is decided: each half, what lies between it and the next, and their neighbours. */
function decisiveValues(): Float32Array {
  const halves = portableFloat16.decode(ALL_HALVES).filter(Number.isFinite);
  const values: number[] = [];
  for (const half of halves) {
    const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(half) || 1e-8))) - 11);
    for (const middle of [half, half + step, half - step]) {
      const bits = new Uint32Array(Float32Array.of(middle).buffer)[0]!;
      values.push(...new Float32Array(Uint32Array.of(bits - 1, bits, bits + 1).buffer));
    }
  }
  return Float32Array.from(values.filter(Number.isFinite));
}

describe('16-bit floats', () => {
  it('are the same with and without Float16Array where rounding is decided', () => {
    const values = decisiveValues();
    expect(Buffer.compare(portableFloat16.encode(values), float16.encode(values))).toBe(0);
  });

  it('are the same with and without Float16Array for any values', () => {
    assert(
      property(array(float({ noNaN: true })), (numbers) => {
        const values = Float32Array.from(numbers);
        expect(portableFloat16.encode(values)).toEqual(float16.encode(values));
      }),
    );
  });

  it.each([
    ['with', float16],
    ['without', portableFloat16],
  ])('come back as they were, %s Float16Array', (_, { encode, decode }) => {
    const finite = decode(ALL_HALVES);
    const expected = Float32Array.from(finite.filter((value) => !Number.isNaN(value)));
    expect(Buffer.compare(Buffer.from(decode(encode(expected)).buffer), Buffer.from(expected.buffer))).toBe(0);
    expect(decode(encode(Float32Array.of(Number.NaN)))[0]).toBeNaN();
  });

  it('overflow from the named value on', () => {
    const [below, at] = float16.decode(float16.encode(Float32Array.of(65_519, FLOAT16_OVERFLOW)));
    expect([below, at]).toEqual([65_504, Number.POSITIVE_INFINITY]);
  });

  it('are read from any place in a buffer', () => {
    const bytes = new Uint8Array(5);
    bytes.set(float16.encode(Float32Array.of(1.5, -2)), 1);
    for (const { decode } of [float16, portableFloat16]) {
      expect([...decode(bytes.subarray(1))]).toEqual([1.5, -2]);
    }
  });
});
