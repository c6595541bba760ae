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
 * Computes a short fixed text, or fixed hidden states where the engine's layers do not start with a text, checks
 * that the result is finite and not all alike, and measures both speeds within a fixed time, however slow the engine.
 *
 * @param highResolutionNow milliseconds with fractions
 * @throws SelfTestFailedError
 */
export async function selfTest(
  engine: Engine,
  highResolutionNow: () => number,
  signal: AbortSignal,
): Promise<SelfTestResult> {
  const { layers, architecture } = engine.info;
  const { vocabularySize, contextLength, hiddenSize } = architecture;
  const chooses = layers.end === architecture.layerCount;
  const makeInput = layers.start === 0 ? fixedTokens(vocabularySize) : fixedStates(hiddenSize);
  const maxTokens = Math.min(contextLength, 1 + SELF_TEST_MAX_DECODE_TOKENS + SELF_TEST_MAX_PREFILL_TOKENS);
  const sequence = engine.open({ maxTokens });
  try {
    let position = 0;
    const compute = async (count: number) => {
      signal.throwIfAborted();
      const input = makeInput(position, count);
      position += count;
      const startedMs = highResolutionNow();
      const [output] = await engine.forward([{ sequence, input, output: chooses ? 'last-logits' : 'hidden' }]);
      const elapsedMs = Math.max(highResolutionNow() - startedMs, 0.001);
      if (chooses) checkValues(output?.values, vocabularySize, 'logit');
      else checkValues(output?.values, count * hiddenSize, 'hidden value');
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

const fixedTokens = (vocabularySize: number) => (position: number, count: number) =>
  Int32Array.from({ length: count }, (_, index) => (1 + 97 * (position + index)) % vocabularySize);

/** Between -1 and 1, as unlike each other as those of a text. */
const fixedStates = (hiddenSize: number) => (position: number, count: number) =>
  Float32Array.from({ length: count * hiddenSize }, (_, index) => {
    const mixed = Math.imul(position * hiddenSize + index + 1, 0x9e3779b1);
    return (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) | 0) / 2 ** 31;
  });

function checkValues(values: Float32Array | undefined, length: number, name: string): void {
  if (values?.length !== length) {
    throw new SelfTestFailedError(`The engine gave ${values?.length ?? 0} ${name}s instead of ${length}.`);
  }
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) throw new SelfTestFailedError(`The engine computed a ${name} that is not finite.`);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least === most) throw new SelfTestFailedError(`The engine computed the same ${name} everywhere.`);
}

function closeQuietly(engine: Engine, sequence: SequenceId): void {
  try {
    engine.close(sequence);
  } catch {
    // A broken engine may not even close; what it failed with before is what counts.
  }
}
