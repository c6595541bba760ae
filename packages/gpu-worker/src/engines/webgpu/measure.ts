import type { GpuCounters } from './counters.ts';
import type { WebGpuEngine } from './engine.ts';

export interface GpuMeasurement {
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  /** What one decoded token asks of the GPU. */
  readonly perToken: Omit<GpuCounters, 'forwards'>;
  /** Weights read per second of decode; beside the GPU's bandwidth, the share of it that is reached. */
  readonly weightBytesPerSecond: number;
}

/**
 * Measures an engine of a whole model: one prompt, then tokens one by one, the best found on the GPU. Leaves
 * no sequence open.
 *
 * @param now milliseconds with fractions
 */
export async function measureWebGpu(
  engine: WebGpuEngine,
  { promptTokens = 64, decodeTokens = 16, now }: { promptTokens?: number; decodeTokens?: number; now: () => number },
): Promise<GpuMeasurement> {
  const { vocabularySize } = engine.info.architecture;
  const sequence = engine.open({ maxTokens: promptTokens + decodeTokens + 1 });
  const compute = async (input: Int32Array) => {
    const [output] = await engine.forward([{ sequence, input, output: 'top-k' }]);
    return output!.top!.tokens[0]!;
  };
  try {
    const prompt = Int32Array.from({ length: promptTokens }, (_, index) => (1 + 97 * index) % vocabularySize);
    // The first of each kind compiles its kernels.
    await compute(await compute(prompt).then((token) => Int32Array.of(token)));
    engine.truncate(sequence, 0);
    const startedMs = now();
    let token = await compute(prompt);
    const promptMs = now();
    const before = engine.counters();
    for (let index = 0; index < decodeTokens; index++) token = await compute(Int32Array.of(token));
    const decodeMs = now() - promptMs;
    const after = engine.counters();
    const per = (name: keyof GpuCounters) => (after[name] - before[name]) / decodeTokens;
    const decodeTokensPerSecond = (decodeTokens * 1000) / decodeMs;
    return {
      decodeTokensPerSecond,
      prefillTokensPerSecond: (promptTokens * 1000) / (promptMs - startedMs),
      perToken: {
        dispatches: per('dispatches'),
        submits: per('submits'),
        bufferWrites: per('bufferWrites'),
        bytesWritten: per('bytesWritten'),
        bytesRead: per('bytesRead'),
      },
      weightBytesPerSecond: engine.info.weightBytes * decodeTokensPerSecond,
    };
  } finally {
    engine.close(sequence);
  }
}
