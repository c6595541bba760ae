/**
 * `node scripts/bench-weights.ts [--chunks N] [--rounds N]`: how fast weights go from one Chromium tab to another, beside
 * a raw data channel between the same tabs.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CHUNK_BYTES } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { CHROMIUM_ARGUMENTS, chromiumPath } from './chromium.ts';
import type { Page } from 'playwright-core';
import type { WeightsPage } from './weights-page/page.ts';

declare const weightsPage: WeightsPage;

/** As libp2p sends, and as is best where both sides take it. */
const RAW_MESSAGE_BYTES = [16_384, 65_536];

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { chunks: { type: 'string', default: '96' }, rounds: { type: 'string', default: '3' } },
});
const chunks = Number(values.chunks);
const bytes = chunks * CHUNK_BYTES;

const relay = await createNetwork({}, { role: 'relay', region: 'local' });
await relay.start();
const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  cacheDir: '.cache/bench-vite',
  server: { port: 0, host: '127.0.0.1', watch: null },
});
await server.listen();
const browser = await chromium.launch({ executablePath: await chromiumPath(), args: CHROMIUM_ARGUMENTS });
try {
  const [seeder, leecher] = await Promise.all([openTab(), openTab()]);
  await Promise.all([seeder, leecher].map((tab) => tab.evaluate(() => weightsPage.hear())));
  await seeder.evaluate(() => weightsPage.seed());
  const weights: number[] = [];
  const raw = RAW_MESSAGE_BYTES.map((): number[] => []);
  // In turns: what else the machine does hits all of them.
  for (let round = 0; round < Number(values.rounds); round++) {
    weights.push(await leecher.evaluate(() => weightsPage.fetchModel()));
    for (const [at, size] of RAW_MESSAGE_BYTES.entries()) raw[at]!.push(await measureRaw(seeder, leecher, size));
  }
  console.log(`weights: ${rate(median(weights))} (${weights.map(rate).join(', ')})`);
  for (const [at, size] of RAW_MESSAGE_BYTES.entries()) {
    const share = median(weights) / median(raw[at]!);
    console.log(
      `raw data channel, ${size} bytes a message: ${rate(median(raw[at]!))}; weights at ${share.toFixed(2)} of it`,
    );
  }
} finally {
  await browser.close();
  await server.close();
  await relay.stop();
}

async function openTab(): Promise<Page> {
  const tab = await (await browser.newContext()).newPage();
  tab.on('pageerror', (error) => console.error(error.message));
  await tab.goto(`${server.resolvedUrls?.local[0]}scripts/weights-page/index.html`);
  await tab.waitForSelector('html[data-ready]', { state: 'attached' });
  await tab.evaluate((count) => weightsPage.makeModel(count), chunks);
  await tab.evaluate((addresses) => weightsPage.join(addresses), [...relay.multiaddrs()]);
  return tab;
}

async function measureRaw(from: Page, to: Page, messageBytes: number): Promise<number> {
  const offer = await from.evaluate(() => weightsPage.offer());
  const answer = await to.evaluate((text) => weightsPage.answer(text), offer);
  const received = to.evaluate((total) => weightsPage.receiveRaw(total), bytes);
  await from.evaluate((text) => weightsPage.accept(text), answer);
  await from.evaluate(([total, size]) => weightsPage.sendRaw(total!, size!), [bytes, messageBytes]);
  return received;
}

function rate(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
