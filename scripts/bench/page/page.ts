import { Wllama } from '@wllama/wllama/esm/index.js';
import wllamaWasm from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import * as Comlink from 'comlink';
import { DECODE_TOKENS } from '../constants.ts';
import type { BenchWorkerApi } from './engine-worker.ts';

const worker = new Worker(new URL('./engine-worker.ts', import.meta.url), { type: 'module' });
const engine = Comlink.wrap<BenchWorkerApi>(worker);
let wllama: Wllama | undefined;

/** What the bench calls in this page. */
const bench = {
  loadEngine: (modelUrl: string, variant: 'relaxed-simd' | 'simd') => engine.load(modelUrl, variant),
  measureEngine: () => engine.measure(),
  measureGpu: (modelUrl: string) => engine.measureGpu(modelUrl),

  /** Milliseconds to fetch and load; one thread, on the CPU. */
  async loadWllama(fileUrl: string): Promise<number> {
    const start = performance.now();
    const quiet = { debug() {}, log() {}, warn() {}, error() {} };
    wllama = new Wllama({ default: wllamaWasm }, { suppressNativeLog: true, logger: quiet });
    const file = await (await fetch(fileUrl)).blob();
    await wllama.loadModel([file], { n_threads: 1, n_ctx: 2048, n_gpu_layers: 0 });
    return performance.now() - start;
  },
  /** Its own timings, in tokens per second: of the prompt, and of the answer. */
  async measureWllama(round: number): Promise<{ prefill: number; decode: number; promptTokens: number }> {
    if (!wllama) throw new Error('Load first.');
    const prompt = Array.from({ length: 20 }, (_, index) => `Station ${round * 20 + index} lies by the old river.`);
    const { timings } = await wllama.createCompletion({
      prompt: prompt.join(' '),
      max_tokens: DECODE_TOKENS,
      temperature: 0,
    });
    if (!timings) throw new Error('wllama gave no timings.');
    const { prompt_n, prompt_per_second, predicted_per_second } = timings;
    return { promptTokens: prompt_n, prefill: prompt_per_second, decode: predicted_per_second };
  },
};
export type BenchPage = typeof bench;

Object.assign(globalThis, { bench });
document.documentElement.dataset['ready'] = 'true';
