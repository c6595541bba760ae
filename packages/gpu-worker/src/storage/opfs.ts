import { chunkFolderName } from './block-file.ts';
import { OPFS_FOLDER } from './constants.ts';
import { StorageFullError } from './errors.ts';
import { createFolderStore } from './folder-store.ts';
import type { BlockFile, ChunkFiles } from './block-file.ts';
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
      return openFiles(model, file);
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

/**
 * Chunks are files of at most 1 MiB for the quota's sake, too: Chromium counts an open file as the next power of two
 * (from 1 MiB on; above 128 MiB the next multiple of that).
 */
async function openFiles(model: FileSystemDirectoryHandle, name: string): Promise<ChunkFiles> {
  const marks = await openHandle(await model.getFileHandle(name, { create: true }));
  let opened: FileSystemDirectoryHandle | undefined;
  const folder = async () => (opened ??= await model.getDirectoryHandle(chunkFolderName(name), { create: true }));
  /** One after the other: some browsers give a file to one user at a time, and here the next one may want the same. */
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const turn = before.then(work);
    before = turn.catch(() => {});
    return turn;
  };
  const use = <Result>(index: number, create: boolean, work: (file: BlockFile) => Promise<Result>): Promise<Result> =>
    inTurn(async () => {
      const handle = await openHandle(await (await folder()).getFileHandle(String(index), { create }));
      try {
        return await work(blockFile(handle));
      } finally {
        handle.close();
      }
    });
  return {
    marks: blockFile(marks),
    read: (index, buffer) => use(index, false, (file) => file.read(buffer, 0)).catch(zeroIfMissing),
    write: (index, bytes) =>
      use(index, true, async (file) => {
        await file.write(bytes, 0);
        if ((await file.size()) > bytes.byteLength) await file.truncate(bytes.byteLength);
      }),
    remove: (index) =>
      inTurn(async () => {
        await (await folder()).removeEntry(String(index)).catch(zeroIfMissing);
      }),
    async close() {
      await before;
      marks.flush();
      marks.close();
    },
  };
}

async function openHandle(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle> {
  const create = file.createSyncAccessHandle as CreateSyncAccessHandle;
  return create.call(file, { mode: 'readwrite-unsafe' });
}

const blockFile = (handle: FileSystemSyncAccessHandle): BlockFile => ({
  size: async () => handle.getSize(),
  read: async (buffer, at) => handle.read(buffer, { at }),
  async write(bytes, at) {
    const written = handle.write(bytes as Uint8Array<ArrayBuffer>, { at });
    // A handle that is short of quota may stop part-way instead of throwing.
    if (written < bytes.byteLength) throw new StorageFullError();
  },
  truncate: async (size) => handle.truncate(size),
});

function zeroIfMissing(error: unknown): 0 {
  if ((error as DOMException).name === 'NotFoundError') return 0;
  throw error;
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
