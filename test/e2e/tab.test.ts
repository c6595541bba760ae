import type { Browser } from 'playwright-core';
import OpenAI from 'openai';
import { bootstrapSchema } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, openPage, untilContributor } from './browser.ts';
import { Relay } from './relay-process.ts';

const MODEL = 'smollm2-135m-instruct';
const UNATTENDED = `/contribute?start=1&engine=wasm&model=${MODEL}`;

const GREEDY = { temperature: 0 } as const;
const SEEDED = { temperature: 0.8, seed: 11 } as const;

describe('a tab contributes', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  const request = (sampling: typeof GREEDY | typeof SEEDED) => ({
    model: MODEL,
    messages: [{ role: 'user' as const, content: 'Write a long story about a lighthouse and the sea.' }],
    max_tokens: 200,
    ...sampling,
  });

  it.each([
    ['at temperature 0', GREEDY],
    ['with a seed', SEEDED],
  ])('and is closed in mid-answer: the answer goes on elsewhere, equal, %s', async (_name, sampling) => {
    await using relay = await Relay.start({ contribute: false });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const page = await openPage(browser, `${relay.url}${UNATTENDED}`);
    await untilContributor(page, 'serving');
    await relay.until('/readyz');

    const undisturbed = await client.chat.completions.create(request(sampling)).withResponse();
    expect(JSON.parse(undisturbed.response.headers.get('x-opengateway-route')!)).toHaveLength(1);
    const expected = undisturbed.data.choices[0]!.message.content!;
    expect(undisturbed.data.usage!.completion_tokens).toBeGreaterThan(60);

    const { data: stream, response } = await client.chat.completions
      .create({ ...request(sampling), stream: true })
      .withResponse();
    const tab = JSON.parse(response.headers.get('x-opengateway-route')!)[0].peer;
    await using other = relay.contributor();
    let text = '';
    let closed = false;
    let finish: string | null = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      if (!closed && text.length > 40) {
        closed = true;
        await page.close();
      }
    }
    expect(closed).toBe(true);
    expect(other.child.exitCode).toBeNull();
    expect(finish).toBe(undisturbed.data.choices[0]!.finish_reason);
    expect(text).toBe(expected);

    const after = await client.chat.completions.create({ ...request(sampling), max_tokens: 4 }).withResponse();
    expect(JSON.parse(after.response.headers.get('x-opengateway-route')!)[0].peer).not.toBe(tab);
  });
});

describe('a person chooses another region', () => {
  it('and the tab joins its clusters without a reload, lends on there, and is refused answers for it here', async () => {
    const browser = await launchChromium();
    await using europe = await Relay.start({ contribute: true, env: { REGION: 'europe' } });
    await using asia = await Relay.start({
      contribute: false,
      env: { REGION: 'asia', RELAYS: `europe=${europe.url}` },
    });
    await europe.until('/readyz');
    await expect.poll(() => relaysToJoin(asia), { timeout: 30_000 }).toContain('europe');
    try {
      const page = await openPage(browser, `${asia.url}${UNATTENDED}`);
      const chip = page.locator('[data-testid=region-chip]');
      await untilContributor(page, 'serving');
      expect(await chip.getAttribute('aria-label')).toBe('Region: Asia, by this relay. Change');
      expect(await page.locator('[data-testid=cluster]').allTextContents()).toContain('joined asia-starter');

      await chip.click();
      await page.check('[data-testid=region-europe]');
      expect(await page.textContent('dialog [role=status]')).toContain('It stops lending and starts again there');
      await page.click('[data-testid=region-apply]');
      await expect
        .poll(() => page.locator('[data-testid=cluster]').allTextContents(), { timeout: 60_000 })
        .toContain('joined europe-starter');
      await untilContributor(page, 'serving');
      expect(await chip.getAttribute('data-source')).toBe('override');
      await page.click('nav a[href="/network"]');
      const starter = page.locator('[data-testid=cluster][data-tier=starter]');
      await expect.poll(() => starter.getAttribute('data-members'), { timeout: 30_000 }).toBe('2');

      const refused = page.waitForResponse((response) => response.url().endsWith('/v1/chat/completions'));
      await page.goto(`${asia.url}/chat`);
      await page.fill('[data-testid=chat-input]', 'Hello');
      await page.click('[data-testid=chat-send]');
      const response = await refused;
      expect([response.status(), response.request().headers()['x-opengateway-region']]).toEqual([503, 'europe']);
      const told = page.locator('[role=alert]');
      await expect.poll(() => told.textContent()).toContain('This relay serves Asia, not Europe.');
      expect(await told.locator('a').getAttribute('href')).toBe(`${europe.url}/chat`);
    } finally {
      await browser.close();
    }
  });
});

describe('chat on the page', () => {
  it('answers through the relay, says who computed it, and survives a reload', async () => {
    const browser = await launchChromium();
    await using relay = await Relay.start({ contribute: true });
    await relay.until('/readyz');
    try {
      const page = await openPage(browser, `${relay.url}/chat`);
      await page.fill('[data-testid=chat-input]', 'What is the capital of France? Answer in one sentence.');
      await page.click('[data-testid=chat-send]');
      const answer = page.locator('[data-testid=chat-answer]').last();
      await expect.poll(() => answer.textContent(), { timeout: 30_000 }).toContain('Paris');
      const route = page.locator('[data-testid=chat-route]').last();
      await expect.poll(() => route.textContent(), { timeout: 30_000 }).toMatch(/tokens/);
      await page.reload();
      await expect.poll(() => page.locator('[data-testid=chat-answer]').last().textContent()).toContain('Paris');
    } finally {
      await browser.close();
    }
  });

  it('is answered by the tab itself, without the relay, where the tab serves', async () => {
    const browser = await launchChromium();
    await using relay = await Relay.start({ contribute: false });
    try {
      const page = await openPage(browser, `${relay.url}${UNATTENDED}`);
      await untilContributor(page, 'serving');
      const calls: string[] = [];
      page.on('request', (one) => calls.push(new URL(one.url()).pathname));
      await page.click('nav a[href="/chat"]');
      await page.fill('[data-testid=chat-input]', 'What is the capital of France? Answer in one sentence.');
      await page.click('[data-testid=chat-send]');
      const answer = page.locator('[data-testid=chat-answer]').last();
      await expect.poll(() => answer.textContent(), { timeout: 30_000 }).toContain('Paris');
      expect(calls.filter((path) => path.startsWith('/v1/chat'))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

/** Regions that a page of this relay may join. */
async function relaysToJoin(relay: Relay): Promise<string[]> {
  const document = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json());
  return (document.relays ?? []).filter(({ multiaddrs }) => multiaddrs !== undefined).map(({ region }) => region);
}
