import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rope, type RopeOptions } from './rope.ts';

const OPTIONS: RopeOptions = { headCount: 1, headSize: 8, dimensionCount: 8, base: 10_000, layout: 'interleaved' };
const head = fc.float32Array({ minLength: 8, maxLength: 8, min: -4, max: 4, noNaN: true });
const position = fc.nat(8192);
const layout = fc.constantFrom('interleaved' as const, 'halves' as const);

describe('rope', () => {
  it('turns pair i by position over base to the 2i/n', () => {
    const turned = rope(Float32Array.of(1, 0, 1, 0, 0, 1, 1, 1), [3], OPTIONS);
    const expected = [0, 1, 2, 3].flatMap((pair) => {
      const angle = 3 / 10 ** pair;
      const [x, y] = [
        [1, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ][pair] as [number, number];
      return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
    });
    expected.forEach((value, index) => expect(turned[index]).toBeCloseTo(value, 6));
  });

  it('leaves position 0 and the dimensions beyond its own unchanged', () => {
    fc.assert(
      fc.property(head, position, layout, (values, at, order) => {
        const unturned = rope(values, [0], { ...OPTIONS, layout: order });
        // Adding 0 makes no difference of -0, which a turn by nothing may lose.
        expect(unturned.map((value) => value + 0)).toEqual(values.map((value) => value + 0));
        const partly = rope(values, [at], { ...OPTIONS, dimensionCount: 4, layout: order });
        expect(partly.subarray(4)).toEqual(values.subarray(4));
      }),
    );
  });

  it('makes products of two heads depend on their distance alone', () => {
    fc.assert(
      fc.property(head, head, fc.nat(500), fc.nat(500), fc.nat(500), layout, (query, key, from, to, shift, order) => {
        const at = (values: Float32Array, where: number) => rope(values, [where], { ...OPTIONS, layout: order });
        expect(dot(at(query, from + shift), at(key, to + shift))).toBeCloseTo(dot(at(query, from), at(key, to)), 3);
      }),
    );
  });

  it('gives in one layout what it gives in the other once dimensions are reordered', () => {
    fc.assert(
      fc.property(head, position, (values, at) => {
        const reordered = rope(toHalves(values), [at], { ...OPTIONS, layout: 'halves' });
        expect(reordered).toEqual(toHalves(rope(values, [at], OPTIONS)));
      }),
    );
  });

  it('turns every head and position as it would alone', () => {
    fc.assert(
      fc.property(fc.array(head, { minLength: 6, maxLength: 6 }), fc.tuple(position, position), (heads, positions) => {
        const together = rope(Float32Array.from(heads.flatMap((one) => Array.from(one))), positions, {
          ...OPTIONS,
          headCount: 3,
        });
        heads.forEach((one, index) => {
          const alone = rope(one, [positions[Math.floor(index / 3)]!], OPTIONS);
          expect(together.subarray(index * 8, (index + 1) * 8)).toEqual(alone);
        });
      }),
    );
  });
});

const toHalves = (values: Float32Array) => Float32Array.from([0, 2, 4, 6, 1, 3, 5, 7], (index) => values[index]!);
const dot = (left: Float32Array, right: Float32Array) =>
  left.reduce((sum, value, index) => sum + value * right[index]!, 0);
