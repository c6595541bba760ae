import OpenAI from 'openai';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, untilContributor } from './browser.ts';
import { Relay } from './relay-process.ts';

const MODEL = 'smollm2-135m-instruct';
const UNATTENDED = `/contribute?start=1&engine=webgpu&model=${MODEL}`;

/** Runs before the engine worker's own code, so that a test can take away the device that it asks for. */
const KEEP_DEVICES = `{
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    const device = await requestDevice.apply(this, options);
    (globalThis.devicesOfTest ??= []).push(device);
    return device;
  };
}\n`;

declare const devicesOfTest: GPUDevice[];

const ask = (client: OpenAI, maxTokens: number) =>
  client.chat.completions.create({
    model: MODEL,
    // Short: a software adapter reads about one token a second.
    messages: [
      { role: 'system', content: 'Count.' },
      { role: 'user', content: '1 2 3 4 5' },
    ],
    temperature: 0,
    max_tokens: maxTokens,
    stream: true,
  });

describe('a tab contributes on webgpu (a software adapter here)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it('answers /v1, loses its device in mid-answer, which completes elsewhere, and serves again by itself', async () => {
    await using relay = await Relay.start({ contribute: false });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const page = await browser.newPage();
    await page.route(/worker\.browser.*\.js/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: KEEP_DEVICES + (await response.text()) });
    });
    await page.goto(`${relay.url}${UNATTENDED}`);
    await untilContributor(page, 'serving');
    await relay.until('/readyz');

    const { data, response } = await ask(client, 4).withResponse();
    expect(JSON.parse(response.headers.get('x-opengateway-route')!)).toMatchObject([{ engine: 'webgpu' }]);
    let text = '';
    let finish: string | null = null;
    for await (const chunk of data) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expect(text).not.toBe('');
    expect(finish).toMatch(/stop|length/);

    const stream = await ask(client, 24);
    text = '';
    let lost = 0;
    await using other = relay.contributor();
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      if (lost === 0 && text !== '') {
        lost = await destroyDevices(page);
        await page.waitForSelector('[data-testid=contributor-state]:not([data-state=serving])');
      }
    }
    expect(lost).toBeGreaterThan(0);
    expect(finish).toMatch(/stop|length/);
    expect(other.child.exitCode).toBeNull();
    await page.waitForSelector('[data-testid=contributor-state][data-state=serving]', { timeout: 30_000 });
    await page.close();
  });
});

/** Destroys every device that a worker of the page holds; their number. */
async function destroyDevices(page: Page): Promise<number> {
  const counts = page.workers().map((worker) =>
    worker.evaluate(() => {
      if (typeof devicesOfTest === 'undefined') return 0;
      for (const device of devicesOfTest) device.destroy();
      return devicesOfTest.length;
    }),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
