import { parseManifest } from '@opengateway/core';
import { afterEach, describe, expect, it } from 'vitest';
import { createTextClient } from './browser.ts';
import type { ChatMessage } from '@opengateway/core';
import type { TextClient } from './text-client.ts';

const BASE = '/models/smollm2-135m-instruct/';

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly promptTokens: readonly number[];
  readonly greedyTokens: readonly number[];
  readonly text: string;
}

const json = async (address: string): Promise<unknown> => (await fetch(address)).json();

let client: TextClient | undefined;
afterEach(async () => {
  await client?.close();
  client = undefined;
});

describe('createTextClient in a browser', () => {
  it('gives the golden tokens and texts from a worker that fetches ranges', async () => {
    const manifest = parseManifest(await json(`${BASE}manifest.json`));
    const { conversations } = (await json('/test/fixtures/golden.json')) as { conversations: Conversation[] };
    const text = (client = await createTextClient({
      manifest,
      weights: { kind: 'http', baseUrl: new URL(BASE, location.href).href },
    }));
    for (const { messages, promptTokens, greedyTokens, text: answer } of conversations) {
      expect(await text.encodeChat(messages)).toEqual(promptTokens);
      const decoder = new TextDecoder();
      const pieces = greedyTokens.map((token) => decoder.decode(text.tokenBytes(token), { stream: true }));
      expect(pieces.join('') + decoder.decode()).toBe(answer);
    }
  });

  it('passes on why a model cannot be had', async () => {
    const manifest = parseManifest(await json(`${BASE}manifest.json`));
    await expect(
      createTextClient({ manifest, weights: { kind: 'http', baseUrl: new URL('/nowhere/', location.href).href } }),
    ).rejects.toMatchObject({ code: 'source_unavailable' });
  });
});
