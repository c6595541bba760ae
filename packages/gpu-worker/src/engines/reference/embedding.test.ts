import { describe, expect, it } from 'vitest';
import { embedding } from './embedding.ts';

describe('embedding', () => {
  it('copies the row of each token, repeated or not', () => {
    const table = Float32Array.of(1, 2, 3, 4, 5, 6);
    const states = embedding(table, Int32Array.of(2, 0, 2), 2);
    expect(states).toEqual(Float32Array.of(5, 6, 1, 2, 5, 6));
    states.fill(0);
    expect(table[4]).toBe(5);
  });
});
