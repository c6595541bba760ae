import { describe, expect, it } from 'vitest';
import { servedContext } from './served-context.ts';

const info = { maxSequences: 1, variant: 'simd' };

describe('servedContext', () => {
  it("is the model's where the cache holds as much, or says nothing", () => {
    expect(servedContext(8192, info)).toBe(8192);
    expect(servedContext(8192, { ...info, kvBudgetBytes: 8192 * 64, kvBytesPerToken: 64 })).toBe(8192);
    expect(servedContext(8192, { ...info, kvBudgetBytes: 2 ** 30, kvBytesPerToken: 64 })).toBe(8192);
  });

  it("is the cache's where that holds less", () => {
    expect(servedContext(8192, { ...info, kvBudgetBytes: 4096 * 64 + 63, kvBytesPerToken: 64 })).toBe(4096);
  });
});
