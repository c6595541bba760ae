import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { launchChromium, openPage, untilContributor } from './browser.ts';
import { Relay } from './relay-process.ts';
import type { Browser } from 'playwright-core';

const MODEL = 'smollm2-135m-instruct';
/** How many tabs are closed in the middle of an answer. */
const CLOSED_TABS = Number(process.env['CHAIN_TABS'] ?? 1);

/**
 * Tabs may dial each other at any time, which takes the relay some 5 kB; what the stages send each other in one answer
 * is over 200 kB.
 */
const MOST_SIGNALLING_BYTES = 40_000;

const { conversations } = JSON.parse(await readFile(new URL('../fixtures/golden.json', import.meta.url), 'utf8')) as {
  conversations: readonly { readonly messages: OpenAI.ChatCompletionMessageParam[]; readonly text: string }[];
};
const { messages, text } = conversations[0]!;

const startRelay = () => Relay.start({ contribute: false, env: { HIDDEN_FORMAT: 'f32' } });
const clientOf = (relay: Relay) => new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });

/** A tab that lends these layers, in a browser profile of its own. */
async function lend(browser: Browser, relay: Relay, layers: string, engine = 'wasm') {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${relay.url}/contribute?start=1&engine=${engine}&threads=1&layers=${layers}`);
  await untilContributor(page, 'serving');
  return context;
}

async function relayedBytes(relay: Relay): Promise<number> {
  const metrics = await (await fetch(`${relay.url}/metrics`)).text();
  const value = /^opengateway_relayed_bytes_total(?:\{.*\})? (\d+)/m.exec(metrics)?.[1];
  if (value === undefined) throw new Error('The relay does not say how many bytes it relayed.');
  return Number(value);
}

const ask = async (relay: Relay) => {
  const { data, response } = await clientOf(relay)
    .chat.completions.create({ model: MODEL, messages, temperature: 0, max_tokens: 40 })
    .withResponse();
  const route = JSON.parse(response.headers.get('x-opengateway-route') ?? '[]') as {
    engine: string;
    layers: number[];
  }[];
  return { answer: data.choices[0]?.message.content, route };
};

describe('tabs that hold a part of a model each', () => {
  it('answer /v1 from three Chromium processes, the relay carrying nothing between them', async () => {
    await using relay = await startRelay();
    const browsers = await Promise.all([launchChromium(), launchChromium(), launchChromium()]);
    try {
      const thirds = ['0-10', '10-20', '20-30'];
      await Promise.all(
        browsers.map(async (browser, index) => {
          const page = await openPage(
            browser,
            `${relay.url}/contribute?start=1&engine=wasm&threads=1&layers=${thirds[index]}`,
          );
          await untilContributor(page, 'serving');
        }),
      );
      await relay.until('/readyz');
      const first = await ask(relay);
      expect(first.answer).toBe(text);
      expect(first.route.map(({ layers }) => layers)).toEqual([
        [0, 10],
        [10, 20],
        [20, 30],
      ]);
      const before = await relayedBytes(relay);
      expect((await ask(relay)).answer).toBe(text);
      expect((await relayedBytes(relay)) - before).toBeLessThan(MOST_SIGNALLING_BYTES);
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });

  it('answer together with a Node process, on processor and GPU', async () => {
    await using relay = await startRelay();
    await using contributor = relay.contributor('--layers', '0-10', '--threads', '1');
    const browser = await launchChromium();
    try {
      await Promise.all([lend(browser, relay, '10-28'), lend(browser, relay, '28-30', 'webgpu')]);
      await relay.until('/readyz');
      const { answer, route } = await ask(relay);
      expect(contributor.child.exitCode).toBeNull();
      expect(route.map(({ engine }) => engine)).toEqual(['wasm', 'wasm', 'webgpu']);
      expect(answer).toBe(text);
    } finally {
      await browser.close();
    }
  });

  it(`may be closed in the middle of an answer, ${CLOSED_TABS} times`, async () => {
    await using relay = await startRelay();
    const browser = await launchChromium();
    try {
      const halves = ['0-15', '15-30'];
      const tabs = new Map<string, Awaited<ReturnType<typeof lend>>[]>();
      for (const half of halves)
        tabs.set(half, await Promise.all([lend(browser, relay, half), lend(browser, relay, half)]));
      await relay.until('/readyz');
      const body = { model: MODEL, messages: conversations[1]!.messages, temperature: 0, max_tokens: 60 } as const;
      const client = clientOf(relay);
      const whole = (await client.chat.completions.create(body)).choices[0]?.message.content;
      for (let closed = 0; closed < CLOSED_TABS; closed++) {
        const half = halves[closed % 2]!;
        let streamed = '';
        let pieces = 0;
        for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
          streamed += chunk.choices[0]?.delta.content ?? '';
          // Whichever of the two serves: both go, one after the other, and two new ones come.
          if (++pieces !== 8) continue;
          const [first, second] = tabs.get(half)!;
          const replacement = lend(browser, relay, half);
          await first!.close();
          tabs.set(half, [second!, await replacement]);
        }
        expect(streamed).toBe(whole);
      }
    } finally {
      await browser.close();
    }
  });
});
