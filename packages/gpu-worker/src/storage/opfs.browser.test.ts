import { CHUNK_BYTES } from '@opengateway/core';
import { proxy, wrap } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cdp } from 'vitest/browser';
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

/** Of the DevTools protocol; its types come with the provider, which this package does not name. */
const devTools = () => cdp() as unknown as { send(method: string, parameters: object): Promise<unknown> };

/** Of this page's origin; without a number, what the browser gives. */
async function setQuota(quotaSize?: number): Promise<void> {
  const { origin } = location;
  await devTools().send('Storage.overrideQuotaForOrigin', quotaSize === undefined ? { origin } : { origin, quotaSize });
}

async function writeUntilFull(store: WeightsStore, file: StoredFileKey, chunk: Uint8Array): Promise<unknown> {
  for (let index = 15; index < 30; index++) {
    const failure = await store.write(file, index, chunk).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure !== undefined) return failure;
  }
  return undefined;
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
  afterEach(async () => {
    closeTabs();
    await setQuota();
  });

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

  it('takes as much of the quota as there are chunks, says when that is spent, and keeps what is whole', async () => {
    const folder = newFolder();
    const store = await openStore(openTab(), folder);
    // Three times what there is room for, with 3 MiB for the browser's own records of it.
    const file = key(30 * CHUNK_BYTES);
    const chunk = new Uint8Array(CHUNK_BYTES).fill(3);
    const usedBefore = (await navigator.storage.estimate()).usage ?? 0;
    await setQuota(usedBefore + 13 * CHUNK_BYTES);
    for (let index = 0; index < 10; index++) await store.write(file, index + 5, chunk);
    const used = ((await navigator.storage.estimate()).usage ?? 0) - usedBefore;
    expect(used).toBeLessThan(11 * CHUNK_BYTES);
    const failure = await writeUntilFull(store, file, chunk);
    expect(failure).toMatchObject({ name: 'StorageFullError', message: expect.stringMatching(/is full/) });
    const stored = (await store.storedBytes()) / CHUNK_BYTES;
    expect(stored).toBeGreaterThanOrEqual(10);
    expect(stored).toBeLessThanOrEqual(13);
    await store.close();
    const again = await openStore(openTab(), folder);
    for (let index = 0; index < 10; index++) expect(sameBytes(await again.read(file, index + 5), chunk)).toBe(true);
    expect(await again.storedBytes()).toBe(stored * CHUNK_BYTES);
    await setQuota();
    await again.write(file, 29, chunk);
    expect(await again.storedBytes()).toBe((stored + 1) * CHUNK_BYTES);
    await again.close();
    await dispose(folder);
  });

  it('forgets chunks that were deleted or cut short between two visits, and takes them again', async () => {
    const folder = newFolder();
    const file = key(3 * CHUNK_BYTES);
    const chunk = new Uint8Array(CHUNK_BYTES).fill(4);
    const first = await openStore(openTab(), folder);
    for (const index of [0, 1, 2]) await first.write(file, index, chunk);
    await first.close();
    closeTabs();
    const root = await navigator.storage.getDirectory();
    const model = await (await root.getDirectoryHandle(folder)).getDirectoryHandle(file.manifest);
    const chunks = await model.getDirectoryHandle('x.gguf~chunks');
    await chunks.removeEntry('0');
    const cut = await (await chunks.getFileHandle('1')).createWritable();
    await cut.write(new Uint8Array(9));
    await cut.close();
    const store = await openStore(openTab(), folder);
    for (const index of [0, 1]) expect(await store.read(file, index)).toBeUndefined();
    expect(sameBytes(await store.read(file, 2), chunk)).toBe(true);
    expect(await store.storedBytes()).toBe(CHUNK_BYTES);
    await store.write(file, 1, chunk);
    expect(sameBytes(await store.read(file, 1), chunk)).toBe(true);
    await store.close();
    await dispose(folder);
  });

  it('has nothing where the browser cleared its storage between two visits, and begins anew', async () => {
    const folder = newFolder();
    const file = key(2 * CHUNK_BYTES);
    const chunk = new Uint8Array(CHUNK_BYTES).fill(6);
    const first = await openStore(openTab(), folder);
    await first.write(file, 0, chunk);
    await first.close();
    closeTabs();
    await devTools().send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'file_systems' });
    const store = await openStore(openTab(), folder);
    expect(await store.storedBytes()).toBe(0);
    expect(await store.has(file, 0)).toBe(false);
    await store.write(file, 0, chunk);
    expect(sameBytes(await store.read(file, 0), chunk)).toBe(true);
    await store.close();
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
