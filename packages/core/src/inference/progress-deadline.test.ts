import { describe, expect, it } from 'vitest';
import type { ServedModel } from '../membership/advert.ts';
import { createProgressDeadline } from './progress-deadline.ts';
import type { ProgressDeadline } from './progress-deadline.ts';

const served = (change: Partial<ServedModel> = {}): ServedModel => ({
  id: 'fake',
  manifest: 'a'.repeat(64),
  layers: [0, 4],
  engine: 'wasm',
  contextLength: 2_048,
  slots: 1,
  freeSlots: 1,
  queued: 0,
  decodeTokensPerSecond: 100,
  prefillTokensPerSecond: 1_000,
  ...change,
});

const prefill = (done: number) => ({ type: 'progress', state: 'prefill', done, total: 200 }) as const;
const queued = { type: 'progress', state: 'queued', done: 0, total: 1 } as const;
const token = { type: 'token', token: 1 } as const;

/** Says the same every `everyMs` until the patience ends or `times` are over; how often it was heard. */
function repeat(
  deadline: ProgressDeadline,
  event: Parameters<ProgressDeadline['observe']>[0],
  everyMs: number,
): number {
  for (let count = 0; count < 1_000; count++) {
    if (deadline.leftMs() < everyMs) return count;
    deadline.observe(event, everyMs);
  }
  return Infinity;
}

describe('the progress deadline', () => {
  it('is not moved by heartbeats that say the same', () => {
    const deadline = createProgressDeadline(served(), 200);
    deadline.observe(prefill(16), 10);
    expect(repeat(deadline, prefill(16), 1_000)).toBe(30);
  });

  it('comes back whenever the prefill advances, a few times over', () => {
    const deadline = createProgressDeadline(served(), 200);
    deadline.observe(prefill(1), 10);
    let done = 1;
    while (deadline.leftMs() >= 20_000) deadline.observe(prefill((done += 1)), 20_000);
    expect(done).toBe(7);
  });

  it('does not count what lies beyond the prompt as progress', () => {
    const deadline = createProgressDeadline(served(), 200);
    deadline.observe(prefill(200), 10);
    deadline.observe(prefill(201), 1_000);
    expect(deadline.leftMs()).toBe(29_000);
  });

  it('bounds the time in a queue, in one piece or several', () => {
    const deadline = createProgressDeadline(served(), 200);
    expect(repeat(deadline, queued, 1_000)).toBe(60);
    deadline.observe(prefill(0), 0);
    deadline.observe(queued, 0);
    expect(deadline.leftMs()).toBe(0);
  });

  it('ends with a fast peer that gives one token every few seconds', () => {
    const deadline = createProgressDeadline(served(), 200);
    deadline.observe(token, 10);
    expect(repeat(deadline, token, 3_000)).toBeLessThan(10);
  });

  it('bears with a peer that gives one token per second, and with a slower one that said so', () => {
    const slow = createProgressDeadline(served(), 200);
    slow.observe(token, 10);
    expect(repeat(slow, token, 1_000)).toBe(Infinity);
    const slower = createProgressDeadline(served({ decodeTokensPerSecond: 0.4 }), 200);
    slower.observe(token, 10);
    expect(repeat(slower, token, 10_000)).toBe(Infinity);
  });

  it('is bounded whatever the advert says', () => {
    const deadline = createProgressDeadline(
      served({ slots: 2 ** 31 - 1, decodeTokensPerSecond: 1e-9, prefillTokensPerSecond: 1e-9 }),
      200,
    );
    deadline.observe(prefill(0), 0);
    expect(deadline.leftMs()).toBe(300_000);
    deadline.observe(token, 0);
    expect(deadline.leftMs()).toBe(120_000);
  });
});
