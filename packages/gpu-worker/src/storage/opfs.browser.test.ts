import { CHUNK_BYTES } from '@opengateway/core';
import { proxy, wrap } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createOpfsStore } from './opfs.ts';
import { sameBytes, weightsStoreContract } from './weights-store.contract.ts';
import type { ManifestHash } from '@opengateway/core';
import type { Remote } from 'comlink';
import type { OpfsTestWorker } from './opfs.test-worker.ts';
import type { StoredFileKey, WeightsStore } from './weights-store.ts';

interface Tab {
  readonly worker: Worker;
  readonly api: Remote<OpfsTestWorker>;
}

const tabs: Tab[] = [];
let folders = 0;

/** Another dedicated worker: to OPFS the same as another tab. */
function openTab(): Tab {
  const worker = new Worker(new URL('./opfs.test-worker.ts', import.meta.url), { type: 'module' });
  const tab = { worker, api: wrap<OpfsTestWorker>(worker) };
  tabs.push(tab);
  return tab;
}

const key = (bytes: number): StoredFileKey => ({
  manifest: 'e'.repeat(64) as ManifestHash,
  file: { name: 'x.gguf', bytes },
});

const newFolder = () => `test-${Date.now()}-${(folders += 1)}`;

/** Comlink's remote methods are those of the store: all of them were asynchronous before. */
const openStore = async (tab: Tab, folder: string) => (await tab.api.store(folder)) as unknown as WeightsStore;

function closeTabs(): void {
  for (const { worker } of tabs.splice(0)) worker.terminate();
}

async function dispose(folder: string): Promise<void> {
  closeTabs();
  // An ended worker lets go of its files some time later, and nothing says when.
  await vi.waitFor(() => createOpfsStore({ storage: navigator.storage }, { folder }).removeAll(), { timeout: 10_000 });
}

weightsStoreContract('createOpfsStore', async () => {
  const folder = newFolder();
  return {
    store: await openStore(openTab(), folder),
    reopened: () => openStore(openTab(), folder),
    dispose: () => dispose(folder),
  };
});

describe('createOpfsStore', () => {
  afterEach(closeTabs);

  it('keeps what was written when its worker is ended without warning', async () => {
    const folder = newFolder();
    const tab = openTab();
    const file = key(64 * CHUNK_BYTES);
    const chunk = new Uint8Array(CHUNK_BYTES).fill(7);
    const fifth = Promise.withResolvers<void>();
    const onWritten = (index: number) => {
      if (index === 4) fifth.resolve();
    };
    void tab.api.writeAll(folder, file, chunk, proxy(onWritten));
    await fifth.promise;
    tab.worker.terminate();
    const store = await openStore(openTab(), folder);
    for (let index = 0; index < 64; index++) {
      const bytes = await store.read(file, index);
      if (bytes === undefined) expect(index).toBeGreaterThan(4);
      else expect(sameBytes(bytes, chunk)).toBe(true);
    }
    await store.close();
    await dispose(folder);
  });

  it('lets two tabs use one file at once', async () => {
    const folder = newFolder();
    const file = key(2 * CHUNK_BYTES);
    const [first, second] = await Promise.all([openStore(openTab(), folder), openStore(openTab(), folder)]);
    const chunk = new Uint8Array(CHUNK_BYTES).fill(9);
    await Promise.all([first.write(file, 0, chunk), second.write(file, 1, chunk)]);
    expect(sameBytes(await first.read(file, 0), chunk)).toBe(true);
    expect(sameBytes(await second.read(file, 1), chunk)).toBe(true);
    await Promise.all([first.close(), second.close()]);
    await dispose(folder);
  });

  it('says that a file is busy which another tab keeps to itself', async () => {
    const folder = newFolder();
    const file = key(CHUNK_BYTES);
    await openTab().api.lock(folder, file.manifest, file.file.name);
    const store = await openStore(openTab(), folder);
    // Comlink carries an error's message and name, but not its code.
    await expect(store.write(file, 0, new Uint8Array(CHUNK_BYTES))).rejects.toHaveProperty('name', 'StoreBusyError');
    expect(await store.storedBytes()).toBe(0);
    await expect(store.removeAll()).rejects.toHaveProperty('name', 'StoreBusyError');
    await dispose(folder);
  });
});
