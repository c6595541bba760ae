import type { Browser, BrowserContext, Page } from 'playwright-core';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, untilContributor } from './browser.ts';
import { Relay } from './relay-process.ts';

const MODEL = 'smollm2-135m-instruct';
const UNATTENDED = `/contribute?start=1&engine=wasm&model=${MODEL}`;

/** What the issue asks for: a tab that lost its engine serves again within this. */
const BACK_WITHIN_MS = 30_000;

let browser: Browser;
/** One browser's storage, locks and channels; tabs of it know of each other. */
let context: BrowserContext;
beforeAll(async () => {
  browser = await launchChromium();
});
beforeEach(async () => {
  context = await browser.newContext();
  return () => context.close();
});
afterAll(() => browser.close());

const open = async (url: string): Promise<Page> => {
  const page = await context.newPage();
  await page.goto(url);
  return page;
};
const untilElsewhere = (page: Page, state: string) =>
  page.waitForSelector(`[data-testid=elsewhere][data-state=${state}]`, { timeout: 30_000 });

describe('tabs of one browser', () => {
  it('lend once: the second says what the first does, and takes over when that is closed, if asked to', async () => {
    await using relay = await Relay.start({ contribute: false });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const first = await open(`${relay.url}${UNATTENDED}`);
    await untilContributor(first, 'serving');
    const second = await open(`${relay.url}/contribute`);
    const third = await open(`${relay.url}/contribute`);
    await untilElsewhere(second, 'serving');
    expect(await second.locator('[data-testid=elsewhere]').textContent()).toContain('0 requests answered');

    await relay.until('/readyz');
    await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 4,
    });
    await expect.poll(() => second.locator('[data-testid=elsewhere]').textContent()).toContain('1 request answered');

    await second.click('[data-testid=wait-for-place]');
    await second.waitForSelector('[data-testid=elsewhere][data-waiting=true]');
    await first.close();
    await untilContributor(second, 'serving');
    await untilElsewhere(third, 'serving');
    await untilContributor(third, 'idle');
    await relay.until('/readyz');
  });

  it('give way to one that is told to lend now', async () => {
    await using relay = await Relay.start({ contribute: false });
    const first = await open(`${relay.url}${UNATTENDED}`);
    await untilContributor(first, 'serving');
    const second = await open(`${relay.url}/contribute?engine=wasm`);
    await untilElsewhere(second, 'serving');
    await second.click('[data-testid=take-over]');
    await untilContributor(second, 'serving');
    await untilElsewhere(first, 'serving');
  });
});

describe('a tab whose engine breaks in mid-answer', () => {
  it('hands the answer on and serves again by itself', async () => {
    await using relay = await Relay.start({ contribute: false });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const page = await open(`${relay.url}${UNATTENDED}`);
    await untilContributor(page, 'serving');
    await relay.until('/readyz');
    const request = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'Write a long story about a lighthouse and the sea.' }],
      max_tokens: 200,
      temperature: 0,
    };
    const undisturbed = await client.chat.completions.create(request);
    const { data: stream, response } = await client.chat.completions
      .create({ ...request, stream: true })
      .withResponse();
    const peer = JSON.parse(response.headers.get('x-opengateway-route')!)[0].peer;
    await using other = relay.contributor();
    const failed: { atMs?: number } = {};
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (failed.atMs !== undefined || text.length <= 40) continue;
      failed.atMs = Date.now();
      await breakEngine(page);
      await page.waitForSelector('[data-testid=contributor-state]:not([data-state=serving])');
    }
    expect(text).toBe(undisturbed.choices[0]!.message.content);

    await page.waitForSelector('[data-testid=contributor-state][data-state=serving]', { timeout: BACK_WITHIN_MS });
    expect(Date.now() - failed.atMs!).toBeLessThan(BACK_WITHIN_MS);
    // It is the same peer, known to the region again: with the other gone it answers.
    await other.kill('SIGTERM');
    const after = await client.chat.completions.create({ ...request, max_tokens: 1 }).withResponse();
    expect(JSON.parse(after.response.headers.get('x-opengateway-route')!)[0].peer).toBe(peer);
  });
});

describe('a tab that died while it loaded', () => {
  it('starts smaller and says so', async () => {
    await using relay = await Relay.start({ contribute: false });
    const page = await open(`${relay.url}/contribute?engine=wasm`);
    // What the tab before this one left behind.
    await page.evaluate(() => localStorage.setItem('opengateway-load', '{"v":1,"loading":true,"deaths":0}'));
    await page.click('[data-testid=contribute-start]');
    await untilContributor(page, 'serving');
    expect(await page.locator('[data-testid=lending-plan]').textContent()).toMatch(
      /67 MB for running answers.*started smaller: a quarter of the memory/,
    );
  });
});

describe('a tab that the browser put away while it lent', () => {
  it('goes on by itself when it is brought back, and not when it is merely opened again', async () => {
    await using relay = await Relay.start({ contribute: false });
    const page = await open(`${relay.url}${UNATTENDED}`);
    await untilContributor(page, 'serving');
    await page.goto(`${relay.url}/contribute`);
    await page.waitForSelector('[data-testid=contribute-start]:not([disabled])');
    await untilContributor(page, 'idle');
    // No test can make Chromium discard a tab: it is only told that it was.
    await page.addInitScript(() => Object.defineProperty(document, 'wasDiscarded', { value: true }));
    await page.reload();
    await untilContributor(page, 'serving');
  });
});

describe('a tab with its own choice of engine', () => {
  it('measures, takes the processor where the GPU is a software one, and keeps what it measured', async () => {
    await using relay = await Relay.start({ contribute: false });
    const page = await open(`${relay.url}/contribute`);
    await page.click('[data-testid=contribute-start]');
    await untilContributor(page, 'serving');
    expect(await page.locator('[data-testid=lending-plan]').textContent()).toContain(
      'wasm: this GPU is a software one.',
    );
    await page.reload();
    await expect.poll(() => page.locator('.device').textContent()).toMatch(/of weights a second\s*measured/);
  });

  it('computes on as many threads as it is told to', async () => {
    await using relay = await Relay.start({ contribute: false });
    const page = await open(`${relay.url}${UNATTENDED}&threads=2`);
    await untilContributor(page, 'serving');
    expect(await page.locator('.steps').textContent()).toMatch(/2 threads/);
  });
});

/** Throws in the engine worker outside of any call, as the worker itself does when its engine breaks. */
async function breakEngine(page: Page): Promise<void> {
  for (const worker of page.workers()) {
    if (!worker.url().includes('worker.browser')) continue;
    await worker
      .evaluate(() => {
        setTimeout(() => {
          throw new Error('The engine broke.');
        }, 0);
      })
      .catch(() => {
        // The worker may be gone before it could answer.
      });
  }
}
