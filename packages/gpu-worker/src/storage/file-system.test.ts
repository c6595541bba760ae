import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHUNK_BYTES } from '@opengateway/core';
import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { createFileSystemStore } from './file-system.ts';
import { weightsStoreContract } from './weights-store.contract.ts';
import type { ManifestHash } from '@opengateway/core';

const smallFile = (letter: string) => ({
  manifest: letter.repeat(64) as ManifestHash,
  file: { name: 'x', bytes: 3 },
});
const folder = () => mkdtemp(join(tmpdir(), 'opengateway-store-'));

weightsStoreContract('createFileSystemStore', async () => {
  const parent = await folder();
  const directory = join(parent, 'made', 'when-needed');
  const store = createFileSystemStore({ directory });
  return {
    store,
    reopened: async () => createFileSystemStore({ directory }),
    dispose: async () => {
      await store.close();
      await rm(parent, { recursive: true });
    },
  };
});

describe('createFileSystemStore', () => {
  it('remembers over a restart which model was used last', async () => {
    const directory = await folder();
    const clock = new FakeClock(5_000);
    const store = createFileSystemStore({ directory }, { clock });
    for (const letter of ['a', 'b', 'a']) {
      await clock.advance(10_000);
      await store.write(smallFile(letter), 0, new Uint8Array(3));
      await store.close();
    }
    const again = createFileSystemStore({ directory }, { clock });
    const models = new Map((await again.models()).map(({ manifest, usedAtMs }) => [manifest[0], usedAtMs]));
    expect(models).toEqual(
      new Map([
        ['a', 35_000],
        ['b', 25_000],
      ]),
    );
    await store.removeAll();
  });

  it('starts a file anew that was cut short behind its back', async () => {
    const directory = await folder();
    const manifest = 'c'.repeat(64) as ManifestHash;
    const key = { manifest, file: { name: 'x.gguf', bytes: 2 * CHUNK_BYTES } };
    const store = createFileSystemStore({ directory });
    await store.write(key, 0, new Uint8Array(CHUNK_BYTES));
    await store.close();
    await truncate(join(directory, manifest, 'x.gguf'), CHUNK_BYTES);
    expect(await store.has(key, 0)).toBe(false);
    await store.removeAll();
  });
});
