import type { Engine, SequenceId } from '../../packages/gpu-worker/src/engines/engine.ts';
import { BATCH, DECODE_TOKENS, PREFILL_TOKENS } from './constants.ts';

/** Tokens per second; for several sequences, of all of them together. */
export interface EngineSpeed {
  readonly prefill: number;
  readonly decode: number;
  readonly prefillBatch: number;
  readonly decodeBatch: number;
}

const CHUNK = 64;

/** One measurement of a loaded engine of the whole model. */
export async function measureEngine(engine: Engine, clock: { now(): number } = performance): Promise<EngineSpeed> {
  const single = await measure(engine, 1, clock);
  const batch = await measure(engine, BATCH, clock);
  return { ...single, prefillBatch: batch.prefill, decodeBatch: batch.decode };
}

async function measure(engine: Engine, count: number, clock: { now(): number }) {
  const sequences = Array.from({ length: count }, () => engine.open({ maxTokens: PREFILL_TOKENS + DECODE_TOKENS }));
  try {
    const prompt = benchPrompt(engine.info.architecture.vocabularySize);
    let start = clock.now();
    let next: Int32Array[] = [];
    for (const sequence of sequences) next.push(await prefill(engine, sequence, prompt));
    const prefillSeconds = (clock.now() - start) / 1000;
    start = clock.now();
    for (let token = 0; token < DECODE_TOKENS; token++) {
      const steps = sequences.map((sequence, index) => {
        return { sequence, input: next[index]!, output: 'last-logits' as const };
      });
      next = (await engine.forward(steps)).map(({ values }) => Int32Array.of(best(values)));
    }
    const decodeSeconds = (clock.now() - start) / 1000;
    return {
      prefill: (count * PREFILL_TOKENS) / prefillSeconds,
      decode: (count * DECODE_TOKENS) / decodeSeconds,
    };
  } finally {
    for (const sequence of sequences) engine.close(sequence);
  }
}

async function prefill(engine: Engine, sequence: SequenceId, prompt: Int32Array): Promise<Int32Array> {
  for (let start = 0; ; start += CHUNK) {
    const input = prompt.subarray(start, start + CHUNK);
    const last = start + CHUNK >= prompt.length;
    const [output] = await engine.forward([{ sequence, input, output: last ? 'last-logits' : 'none' }]);
    if (last) return Int32Array.of(best(output!.values));
  }
}

/** The same ordinary tokens for every engine; what they say does not matter to the time. */
export function benchPrompt(vocabularySize: number): Int32Array {
  return Int32Array.from({ length: PREFILL_TOKENS }, (_, index) => 100 + ((index * 7919) % (vocabularySize - 200)));
}

function best(logits: Float32Array): number {
  let token = 0;
  for (let candidate = 1; candidate < logits.length; candidate++) {
    if (logits[candidate]! > logits[token]!) token = candidate;
  }
  return token;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median of each figure over the rounds. */
export function medianSpeed(rounds: readonly EngineSpeed[]): EngineSpeed {
  const of = (key: keyof EngineSpeed) => median(rounds.map((round) => round[key]));
  return {
    prefill: of('prefill'),
    decode: of('decode'),
    prefillBatch: of('prefillBatch'),
    decodeBatch: of('decodeBatch'),
  };
}
