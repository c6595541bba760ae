import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decodeManifest } from '@opengateway/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTextClient } from './node.ts';
import type { ChatMessage, ModelManifest } from '@opengateway/core';
import type { TextClient } from './text-client.ts';

const ROOT = new URL('../../../../', import.meta.url);
const MODEL = new URL('models/smollm2-135m-instruct/', ROOT);
const WEIGHTS = { kind: 'directory', path: fileURLToPath(MODEL) } as const;

interface Golden {
  readonly conversations: readonly {
    readonly messages: readonly ChatMessage[];
    readonly promptTokens: readonly number[];
    readonly greedyTokens: readonly number[];
    readonly text: string;
  }[];
}

let manifest: ModelManifest;
let golden: Golden;
let client: TextClient | undefined;

beforeAll(async () => {
  manifest = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
  golden = JSON.parse(await readFile(new URL('test/fixtures/golden.json', ROOT), 'utf8')) as Golden;
});
afterEach(async () => {
  await client?.close();
  client = undefined;
});

describe('createTextClient in Node', () => {
  it('gives the golden tokens and texts from a worker thread', async () => {
    const text = (client = await createTextClient({ manifest, weights: WEIGHTS }));
    const encoded = await Promise.all(golden.conversations.map(({ messages }) => text.encodeChat(messages)));
    expect(encoded).toEqual(golden.conversations.map(({ promptTokens }) => promptTokens));
    for (const { greedyTokens, text: answer } of golden.conversations) {
      const bytes = greedyTokens.map((token) => text.tokenBytes(token));
      expect(Buffer.concat(bytes).toString('utf8')).toBe(answer);
    }
  });

  it('keeps this thread free while it encodes the largest prompt there is', async () => {
    const text = (client = await createTextClient({ manifest, weights: WEIGHTS }));
    const encoding = text.encodeText('東'.repeat(8_192 * 81)).catch((error: unknown) => error);
    const state = { done: false };
    void encoding.then(() => (state.done = true));
    let turns = 0;
    while (!state.done) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await encoding).toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringMatching(/has at least 32768 tokens/),
    });
    expect(turns).toBeGreaterThan(10);
  });

  it('names the chunk whose bytes are not those of the manifest', async () => {
    const [file] = manifest.files;
    const wrong = { ...file!, chunks: ['0'.repeat(64), ...file!.chunks.slice(1)] };
    await expect(
      createTextClient({ manifest: { ...manifest, files: [wrong] }, weights: WEIGHTS }),
    ).rejects.toMatchObject({
      code: 'chunk_hash_mismatch',
      message: expect.stringContaining(`Chunk 0 of ${wrong.name}`),
    });
  });

  it('says so where there are no weights', async () => {
    await expect(
      createTextClient({ manifest, weights: { kind: 'directory', path: fileURLToPath(ROOT) } }),
    ).rejects.toMatchObject({ code: 'source_unavailable' });
  });
});
