import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../chromium.ts';
import { MODEL_PATH, ROUNDS } from './constants.ts';
import { median, medianSpeed, type EngineSpeed } from './measure-engine.ts';
import type { GpuFigures } from './page/engine-worker.ts';
import type { BenchPage } from './page/page.ts';

declare const bench: BenchPage;

export interface ChromiumFigures {
  readonly loadMs: number;
  readonly wasm: EngineSpeed;
  readonly wasmPlainSimd: EngineSpeed;
  readonly webgpu: GpuFigures;
  readonly wllama: { readonly loadMs: number; readonly prefill: number; readonly decode: number };
  /** wasm over wllama, one sequence, one thread each. */
  readonly ratio: { readonly prefill: number; readonly decode: number };
}

/** Our engine and wllama in turns in one page of one Chromium, on one file. */
export async function measureInChromium(root: string, file: string): Promise<ChromiumFigures> {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    cacheDir: '.cache/bench-vite',
    worker: { format: 'es' },
    optimizeDeps: { exclude: ['@wllama/wllama'] },
    server: {
      port: 0,
      host: '127.0.0.1',
      watch: null,
      headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
    },
  });
  await server.listen();
  const base = server.resolvedUrls?.local[0];
  const browser = await chromium.launch({ executablePath: await chromiumPath(), args: CHROMIUM_ARGUMENTS });
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(error.message));
    await page.goto(`${base}scripts/bench/page/index.html`);
    await page.waitForSelector('html[data-ready]');
    const model = `/${MODEL_PATH}`;
    const plain = await page.evaluate(async (url) => {
      await bench.loadEngine(url, 'simd');
      return bench.measureEngine();
    }, model);
    const loadMs = await page.evaluate((url) => bench.loadEngine(url, 'relaxed-simd'), model);
    const wllamaLoadMs = await page.evaluate((url) => bench.loadWllama(url), `${model}/${file}`);
    const wasm: EngineSpeed[] = [];
    const wllama: Awaited<ReturnType<BenchPage['measureWllama']>>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      wasm.push(await page.evaluate(() => bench.measureEngine()));
      wllama.push(await page.evaluate((index) => bench.measureWllama(index), round));
    }
    const webgpu = await page.evaluate((url) => bench.measureGpu(url), model);
    const own = medianSpeed(wasm);
    const prefill = median(wllama.map((round) => round.prefill));
    const decode = median(wllama.map((round) => round.decode));
    return {
      loadMs,
      wasm: own,
      wasmPlainSimd: plain,
      webgpu,
      wllama: { loadMs: wllamaLoadMs, prefill, decode },
      ratio: { prefill: own.prefill / prefill, decode: own.decode / decode },
    };
  } finally {
    await browser.close();
    await server.close();
  }
}
