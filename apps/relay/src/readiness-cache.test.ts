import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { cacheLook } from './readiness-cache.ts';

const setUp = () => {
  const clock = new FakeClock();
  let looks = 0;
  return { clock, cached: cacheLook({ look: () => ++looks, clock }, { keepMs: 1_000 }) };
};

describe('a cached look', () => {
  it('is taken once in its time, however many ask', async () => {
    const { clock, cached } = setUp();
    expect([cached.get(), cached.get()]).toEqual([1, 1]);
    await clock.advance(999);
    expect(cached.get()).toBe(1);
    await clock.advance(1);
    expect([cached.get(), cached.get()]).toEqual([2, 2]);
  });

  it('is taken anew by who asks for that, and then known to all', () => {
    const { cached } = setUp();
    expect([cached.get(), cached.refresh(), cached.get()]).toEqual([1, 2, 2]);
  });

  it('is taken anew when the clock was set back', () => {
    let nowMs = 10_000;
    let looks = 0;
    const cached = cacheLook({ look: () => ++looks, clock: { now: () => nowMs } }, { keepMs: 1_000 });
    cached.get();
    nowMs = 0;
    expect(cached.get()).toBe(2);
  });
});
