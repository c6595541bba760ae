import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { CompletionRate } from './completion-rate.ts';

/** A rate after one end every `gapMs`. */
async function after(ends: number, gapMs: number) {
  const clock = new FakeClock();
  const rate = new CompletionRate(clock);
  for (let index = 0; index < ends; index += 1) {
    rate.note();
    await clock.advance(gapMs);
  }
  return { clock, rate };
}

describe('CompletionRate', () => {
  it('knows nothing before two answers have ended', async () => {
    const { rate } = await after(1, 1_000);
    expect(rate.perSecond()).toBeUndefined();
    expect(rate.retryAfterSeconds(5)).toBe(2);
  });

  it('is what was measured, however many ends were seen', async () => {
    expect((await after(10, 500)).rate.perSecond()).toBe(2);
    expect((await after(1_000, 250)).rate.perSecond()).toBe(4);
  });

  it('falls while nothing ends, and forgets after a minute', async () => {
    const { clock, rate } = await after(10, 1_000);
    await clock.advance(10_000);
    expect(rate.perSecond()).toBe(0.5);
    await clock.advance(61_000);
    expect(rate.perSecond()).toBeUndefined();
  });

  it('asks for a wait within bounds', async () => {
    const { rate } = await after(10, 500);
    expect([0, 9, 1_000].map((waiting) => rate.retryAfterSeconds(waiting))).toEqual([1, 5, 30]);
  });
});
