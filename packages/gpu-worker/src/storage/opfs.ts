import { OPFS_FOLDER } from './constants.ts';
import { StorageFullError } from './errors.ts';
import { createFolderStore } from './folder-store.ts';
import type { BlockFile } from './block-file.ts';
import type { WeightsStore } from './weights-store.ts';

export interface OpfsStoreComponents {
  /** `navigator.storage` of a worker: synchronous access handles exist nowhere else. */
  readonly storage: Pick<StorageManager, 'getDirectory'>;
}

/**
 * Keeps weights in the browser's origin-private file system (dedicated workers only).
 *
 * Several tabs may use it at once: they write the same verified bytes to the same places. Where a browser
 * gives a file to one tab only, the others get `store_busy`.
 */
export function createOpfsStore(
  { storage }: OpfsStoreComponents,
  init: { /** @default OPFS_FOLDER */ readonly folder?: string } = {},
): WeightsStore {
  const name = init.folder ?? OPFS_FOLDER;
  return createFolderStore({
    async open(manifest, file) {
      const root = await storage.getDirectory();
      const folder = await root.getDirectoryHandle(name, { create: true });
      const model = await folder.getDirectoryHandle(manifest, { create: true });
      return openFile(await model.getFileHandle(file, { create: true }));
    },
    async list() {
      const folder = await existing(storage, name);
      const files: { manifest: string; file: string }[] = [];
      for await (const [manifest, model] of folder?.entries() ?? []) {
        if (model.kind !== 'directory') continue;
        for await (const [file, handle] of (model as FileSystemDirectoryHandle).entries()) {
          if (handle.kind === 'file') files.push({ manifest, file });
        }
      }
      return files;
    },
    async remove(manifest) {
      const folder = await existing(storage, name);
      if (folder === undefined) return;
      if (manifest === undefined) {
        const root = await storage.getDirectory();
        await root.removeEntry(name, { recursive: true });
      } else if (await existingIn(folder, manifest)) await folder.removeEntry(manifest, { recursive: true });
    },
  });
}

/** `mode` is newer than TypeScript's DOM library; browsers that do not know it take an exclusive lock. */
type CreateSyncAccessHandle = (options: { mode: 'readwrite-unsafe' }) => Promise<FileSystemSyncAccessHandle>;

async function openFile(file: FileSystemFileHandle): Promise<BlockFile> {
  const create = file.createSyncAccessHandle as CreateSyncAccessHandle;
  const handle = await create.call(file, { mode: 'readwrite-unsafe' });
  return {
    size: async () => handle.getSize(),
    read: async (buffer, at) => handle.read(buffer, { at }),
    async write(bytes, at) {
      const written = handle.write(bytes as Uint8Array<ArrayBuffer>, { at });
      // A handle that is short of quota may stop part-way instead of throwing.
      if (written < bytes.byteLength) throw new StorageFullError();
    },
    truncate: async (size) => handle.truncate(size),
    async close() {
      handle.flush();
      handle.close();
    },
  };
}

async function existing(
  storage: OpfsStoreComponents['storage'],
  name: string,
): Promise<FileSystemDirectoryHandle | undefined> {
  return existingIn(await storage.getDirectory(), name);
}

async function existingIn(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await folder.getDirectoryHandle(name);
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return undefined;
    throw error;
  }
}
