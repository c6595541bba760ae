import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CHUNK_BYTES } from '@opengateway/core';
import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { createFileSystemStore } from './file-system.ts';
import { sameBytes, weightsStoreContract } from './weights-store.contract.ts';
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
    await truncate(join(directory, manifest, 'x.gguf'), 3);
    expect(await store.has(key, 0)).toBe(false);
    await store.removeAll();
  });

  it('says that the disk is full, keeps what was whole, and leaves no half a chunk', async () => {
    const directory = await folder();
    // The disk of a process whose files may have 600 KB at most: the system refuses the rest with EFBIG.
    const script = `
      import { createFileSystemStore } from ${JSON.stringify(new URL('file-system.ts', import.meta.url).href)};
      process.on('SIGXFSZ', () => {});
      const store = createFileSystemStore({ directory: process.argv[1] });
      const key = { manifest: 'd'.repeat(64), file: { name: 'x.gguf', bytes: ${CHUNK_BYTES + 500_000} } };
      await store.write(key, 1, new Uint8Array(500_000).fill(1));
      const failed = await store.write(key, 0, new Uint8Array(${CHUNK_BYTES})).catch((error) => error);
      console.log(JSON.stringify({ code: failed?.code, message: failed?.message, bytes: await store.storedBytes() }));
    `;
    const limited = [
      '-c',
      'ulimit -f 600; exec "$0" --input-type=module -e "$1" "$2"',
      process.execPath,
      script,
      directory,
    ];
    const { stdout } = await promisify(execFile)('bash', limited);
    expect(JSON.parse(stdout)).toEqual({
      code: 'storage_full',
      message: expect.stringMatching(/is full/),
      bytes: 500_000,
    });
    const chunks = await readdir(join(directory, 'd'.repeat(64), 'x.gguf~chunks'));
    expect(chunks).toEqual(['1']);
    await rm(directory, { recursive: true });
  });

  it('does without chunks whose files were deleted or cut short, and takes them again', async () => {
    const directory = await folder();
    const manifest = 'e'.repeat(64) as ManifestHash;
    const key = { manifest, file: { name: 'x.gguf', bytes: 3 * CHUNK_BYTES } };
    const chunk = new Uint8Array(CHUNK_BYTES).fill(5);
    const store = createFileSystemStore({ directory });
    for (const index of [0, 1, 2]) await store.write(key, index, chunk);
    await store.close();
    await rm(join(directory, manifest, 'x.gguf~chunks', '0'));
    await truncate(join(directory, manifest, 'x.gguf~chunks', '1'), 10);
    for (const index of [0, 1]) expect(await store.read(key, index)).toBeUndefined();
    expect(await store.storedBytes()).toBe(CHUNK_BYTES);
    await store.write(key, 1, chunk);
    expect(sameBytes(await store.read(key, 1), chunk)).toBe(true);
    await store.removeAll();
  });
});
