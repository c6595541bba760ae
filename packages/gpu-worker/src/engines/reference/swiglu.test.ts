import { describe, expect, it } from 'vitest';
import { swiglu } from './swiglu.ts';

describe('swiglu', () => {
  it('multiplies the logistic-weighted gate by the other half', () => {
    const gate = Float32Array.of(0, 1, -1, 30, -30, -200, 200);
    const up = Float32Array.of(5, 2, 3, 0.5, 1, 1, -1);
    const expected = [0, 2 / (1 + Math.exp(-1)), -3 / (1 + Math.E), 15, -30 / (1 + Math.exp(30)), 0, -200];
    swiglu(gate, up).forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 5));
  });
});
