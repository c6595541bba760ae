import {
  SELF_TEST_DECODE_MS,
  SELF_TEST_MAX_DECODE_TOKENS,
  SELF_TEST_MAX_PREFILL_TOKENS,
  SELF_TEST_PREFILL_MS,
} from './constants.ts';
import { SelfTestFailedError } from './errors.ts';
import type { Engine, SequenceId } from '../engines/engine.ts';

export interface SelfTestResult {
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

/**
 * Computes a short fixed text, checks that the logits are finite and not all alike, and measures both
 * speeds within a fixed time, however slow the engine.
 *
 * @param highResolutionNow milliseconds with fractions
 * @throws SelfTestFailedError
 */
export async function selfTest(
  engine: Engine,
  highResolutionNow: () => number,
  signal: AbortSignal,
): Promise<SelfTestResult> {
  const { vocabularySize, contextLength } = engine.info.architecture;
  const maxTokens = Math.min(contextLength, 1 + SELF_TEST_MAX_DECODE_TOKENS + SELF_TEST_MAX_PREFILL_TOKENS);
  const sequence = engine.open({ maxTokens });
  try {
    let position = 0;
    const compute = async (count: number) => {
      signal.throwIfAborted();
      const input = Int32Array.from({ length: count }, () => (1 + 97 * position++) % vocabularySize);
      const startedMs = highResolutionNow();
      const [output] = await engine.forward([{ sequence, input, output: 'last-logits' }]);
      const elapsedMs = Math.max(highResolutionNow() - startedMs, 0.001);
      checkLogits(output?.values, vocabularySize);
      return elapsedMs;
    };
    // The first token also compiles and touches everything: it is checked, not measured.
    let decodeMs = await compute(1);
    let decoded = 1;
    let spentMs = decodeMs;
    let measuredMs = 0;
    const mostDecoded = Math.min(SELF_TEST_MAX_DECODE_TOKENS, maxTokens - 1);
    while (spentMs < SELF_TEST_DECODE_MS && decoded <= mostDecoded) {
      const elapsedMs = await compute(1);
      measuredMs += elapsedMs;
      spentMs += elapsedMs;
      decodeMs = measuredMs / decoded++;
    }
    const prefillTokens = Math.min(
      SELF_TEST_MAX_PREFILL_TOKENS,
      engine.info.maxBatchTokens,
      maxTokens - position,
      Math.floor(SELF_TEST_PREFILL_MS / decodeMs),
    );
    const prefillMs = prefillTokens > 1 ? (await compute(prefillTokens)) / prefillTokens : decodeMs;
    return { decodeTokensPerSecond: 1000 / decodeMs, prefillTokensPerSecond: 1000 / prefillMs };
  } catch (error) {
    if (signal.aborted || error instanceof SelfTestFailedError) throw error;
    throw new SelfTestFailedError('The engine failed its self-test.', { cause: error });
  } finally {
    closeQuietly(engine, sequence);
  }
}

function checkLogits(logits: Float32Array | undefined, vocabularySize: number): void {
  if (logits?.length !== vocabularySize) {
    throw new SelfTestFailedError(`The engine gave ${logits?.length ?? 0} logits instead of ${vocabularySize}.`);
  }
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of logits) {
    if (!Number.isFinite(value)) throw new SelfTestFailedError('The engine computed a logit that is not finite.');
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least === most) throw new SelfTestFailedError('The engine computed the same logit for every token.');
}

function closeQuietly(engine: Engine, sequence: SequenceId): void {
  try {
    engine.close(sequence);
  } catch {
    // A broken engine may not even close; what it failed with before is what counts.
  }
}
