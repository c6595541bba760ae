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

  it.each([
    [{ start: 0, end: 2 }, 'hidden'],
    [{ start: 2, end: 4 }, 'hidden'],
    [{ start: 4, end: 6 }, 'last-logits'],
  ])('measures layers %j of six', async (layers, output) => {
    const engine = new FakeEngine({ part: { layers, layerCount: 6 } });
    let nowMs = 0;
    const measured = await selfTest(engine, () => (nowMs += 2), signal);
    expect(measured).toEqual({ decodeTokensPerSecond: 500, prefillTokensPerSecond: 32_000 });
    expect(new Set(engine.forwards.flat().map((step) => step.output))).toEqual(new Set([output]));
    expect(engine.usage().sequences).toBe(0);
  });

  it('gives layers in the middle states of a sane size that differ', async () => {
    const rows: number[] = [];
    const engine = new FakeEngine({
      part: { layers: { start: 1, end: 2 }, layerCount: 3 },
      onForward: ([step]) => void rows.push(...step!.input),
    });
    await selfTest(engine, () => 0, signal);
    expect(Math.max(...rows)).toBeLessThanOrEqual(1);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(-1);
    const variance = rows.reduce((sum, value) => sum + value * value, 0) / rows.length;
    expect(variance).toBeGreaterThan(0.25);
    expect(variance).toBeLessThan(0.42);
  });

  it('refuses hidden states that are not finite', async () => {
    const engine = new FakeEngine({ part: { layers: { start: 0, end: 1 }, layerCount: 3 } });
    engine.forward = async ([step]) => [{ values: new Float32Array(8 * step!.input.length).fill(Number.NaN) }];
    await expect(selfTest(engine, () => 0, signal)).rejects.toMatchObject({ code: 'self_test_failed' });
  });

  it('turns a failing engine into self_test_failed', async () => {
    const engine = new FakeEngine({ onForward: () => Promise.reject(new Error('unreachable')) });
    await expect(selfTest(engine, () => 0, signal)).rejects.toMatchObject({ code: 'self_test_failed' });
    expect(engine.usage().sequences).toBe(0);
  });
});
