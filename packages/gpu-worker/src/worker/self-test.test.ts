import { describe, expect, it } from 'vitest';
import { FakeEngine } from '../testing/index.ts';
import { SELF_TEST_MAX_DECODE_TOKENS, SELF_TEST_MAX_PREFILL_TOKENS } from './constants.ts';
import { selfTest } from './self-test.ts';

const signal = new AbortController().signal;

function timed(msPerForward: number, msPerToken: number) {
  let nowMs = 0;
  const engine = new FakeEngine({
    maxBatchTokens: 512,
    onForward: ([step]) => void (nowMs += msPerForward + msPerToken * step!.input.length),
  });
  return { engine, now: () => nowMs, result: selfTest(engine, () => nowMs, signal) };
}

describe('self-test', () => {
  it('measures decode and prefill and closes its sequence', async () => {
    const { engine, result } = timed(4, 1);
    expect(await result).toEqual({ decodeTokensPerSecond: 200, prefillTokensPerSecond: 60_000 / 64 });
    expect(engine.usage().sequences).toBe(0);
    const sizes = engine.forwards.map(([step]) => step!.tokens.length);
    expect(sizes.filter((size) => size === 1)).toHaveLength(1 + SELF_TEST_MAX_DECODE_TOKENS);
    expect(sizes.at(-1)).toBeLessThanOrEqual(SELF_TEST_MAX_PREFILL_TOKENS);
  });

  it('stays short on a slow engine', async () => {
    const { now, result } = timed(90, 10);
    expect((await result).decodeTokensPerSecond).toBe(10);
    expect(now()).toBeLessThan(1_000);
  });

  it('takes the one token it has time for as the measure of a very slow engine', async () => {
    const { engine, result } = timed(0, 5_000);
    expect(await result).toEqual({ decodeTokensPerSecond: 0.2, prefillTokensPerSecond: 0.2 });
    expect(engine.forwards).toHaveLength(1);
  });

  it('turns a failing engine into self_test_failed', async () => {
    const engine = new FakeEngine({ onForward: () => Promise.reject(new Error('unreachable')) });
    await expect(selfTest(engine, () => 0, signal)).rejects.toMatchObject({ code: 'self_test_failed' });
    expect(engine.usage().sequences).toBe(0);
  });
});
