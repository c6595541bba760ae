/**
 * `node scripts/webllm-check.ts --model-url URL --model-lib-url URL [--files DIR] [--context N]`: loads an MLC package
 * through WebLLM in a Chromium with a GPU and has it answer as a contributor would. See docs/ENGINES.md.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { modelPackageSchema, type ModelPackage } from '@opengateway/core';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { CHROMIUM_ARGUMENTS, chromiumPath } from './chromium.ts';
import type { CheckRequest } from './webllm-page/page.ts';

const USAGE = `Usage: node scripts/webllm-check.ts (--model-url URL --model-lib-url URL | --prebuilt ID | --engine wasm)
  [--context POSITIONS] [--files DIR] [--prompt TEXT] [--max-tokens N] [--headed] [--browser-argument ARG]...`;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    'model-url': { type: 'string' },
    'model-lib-url': { type: 'string' },
    prebuilt: { type: 'string' },
    engine: { type: 'string', default: 'webllm' },
    context: { type: 'string' },
    files: { type: 'string', default: 'models/smollm2-135m-instruct' },
    prompt: { type: 'string', default: 'Why is the sky blue?' },
    'max-tokens': { type: 'string', default: '64' },
    headed: { type: 'boolean', default: false },
    'browser-argument': { type: 'string', multiple: true, default: [] },
  },
});

function readPackage(): ModelPackage | null {
  if (values.engine === 'wasm') return null;
  const { 'model-url': modelUrl, 'model-lib-url': modelLibUrl, prebuilt, context } = values;
  const parsed = modelPackageSchema.safeParse({
    engine: values.engine,
    ...(prebuilt === undefined ? { modelUrl, modelLibUrl } : { prebuilt }),
    ...(context === undefined ? {} : { overrides: { context_window_size: Number(context) } }),
  });
  if (!parsed.success) {
    console.error(USAGE);
    process.exit(2);
  }
  return parsed.data;
}

const modelPackage = readPackage();
const files = resolve(root, values.files);
const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  cacheDir: '.cache/webllm-vite',
  worker: { format: 'es' },
  optimizeDeps: { include: ['@mlc-ai/web-llm'] },
  server: {
    port: 0,
    host: '127.0.0.1',
    watch: null,
    // Packages lie wherever the operator keeps them.
    fs: { strict: false },
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
});
await server.listen();
const base = server.resolvedUrls?.local[0] ?? '';
const software = values.engine === 'wasm';
const browser = await chromium.launch({
  executablePath: await chromiumPath(),
  headless: !values.headed,
  args: [
    ...CHROMIUM_ARGUMENTS.filter(
      (argument) =>
        software ||
        !(argument.startsWith('--use-webgpu-adapter') || (values.headed && argument.startsWith('--headless'))),
    ),
    ...values['browser-argument'],
  ],
});
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  page.on('console', (message) => {
    if (message.type() === 'info') process.stderr.write(`\r${message.text()}   `);
  });
  await page.goto(`${base}scripts/webllm-page/index.html`);
  await page.waitForSelector('html[data-ready]');
  const request: CheckRequest = {
    filesUrl: `/@fs${files}/`,
    package: modelPackage,
    prompt: values.prompt,
    maxTokens: Number(values['max-tokens']),
  };
  const report = await page.evaluate((wanted) => runCheck(wanted), request);
  process.stderr.write('\n');
  console.log(JSON.stringify(report, null, 2));
  if ('error' in report || !report.sameSeedSameTokens || !report.answersAfterCancel) process.exitCode = 1;
} finally {
  await browser.close();
  await server.close();
}
