import { expose, proxy } from 'comlink';
import { createOpfsStore } from './opfs.ts';
import type { ManifestHash } from '@opengateway/core';
import type { StoredFileKey, WeightsStore } from './weights-store.ts';

/** A tab's worker as the OPFS tests see it. */
export interface OpfsTestWorker {
  store(folder: string): WeightsStore;
  /** Writes every chunk of a file, one a task, so that the worker can be ended in between. */
  writeAll(folder: string, key: StoredFileKey, chunk: Uint8Array, onWritten: (index: number) => void): Promise<void>;
  /** Takes a file as a browser does that gives it to one tab only. */
  lock(folder: string, manifest: ManifestHash, file: string): Promise<void>;
}

const worker: OpfsTestWorker = {
  store: (folder) => proxy(createOpfsStore({ storage: navigator.storage }, { folder })),
  async writeAll(folder, key, chunk, onWritten) {
    const store = createOpfsStore({ storage: navigator.storage }, { folder });
    const { port1, port2 } = new MessageChannel();
    for (let index = 0; index < key.file.bytes / chunk.byteLength; index++) {
      await store.write(key, index, chunk);
      onWritten(index);
      await new Promise((resolve) => {
        port1.addEventListener('message', resolve, { once: true });
        port1.start();
        port2.postMessage(null);
      });
    }
  },
  async lock(folder, manifest, file) {
    const root = await navigator.storage.getDirectory();
    const store = await root.getDirectoryHandle(folder, { create: true });
    const model = await store.getDirectoryHandle(manifest, { create: true });
    await (await model.getFileHandle(file, { create: true })).createSyncAccessHandle();
  },
};

expose(worker);
