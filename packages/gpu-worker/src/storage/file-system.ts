import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderStore } from './folder-store.ts';
import type { FileHandle } from 'node:fs/promises';
import type { BlockFile, StoreFolder } from './block-file.ts';
import type { FolderStoreComponents } from './folder-store.ts';
import type { WeightsStore } from './weights-store.ts';

/** Keeps weights in a folder (Node only); the folder is made when the first chunk comes. */
export function createFileSystemStore(
  { directory }: { readonly directory: string },
  components: FolderStoreComponents = {},
): WeightsStore {
  const folder: StoreFolder = {
    async open(manifest, file) {
      await mkdir(join(directory, manifest), { recursive: true });
      return blockFile(await open(join(directory, manifest, file), constants.O_RDWR | constants.O_CREAT));
    },
    async list() {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(nothingThere);
      return entries
        .filter((entry) => entry.isFile() && join(entry.parentPath, '..') === join(directory))
        .map(({ parentPath, name }) => ({ manifest: parentPath.slice(join(directory).length + 1), file: name }));
    },
    remove: (manifest) =>
      rm(manifest === undefined ? directory : join(directory, manifest), { recursive: true, force: true }),
  };
  return createFolderStore(folder, components);
}

/** What the disk that holds `directory` would still take of this user; the folder is made for the question. */
export async function freeDiskBytes(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

const blockFile = (handle: FileHandle): BlockFile => ({
  size: async () => (await handle.stat()).size,
  read: async (buffer, at) => (await handle.read(buffer, 0, buffer.byteLength, at)).bytesRead,
  async write(bytes, at) {
    for (let done = 0; done < bytes.byteLength;) {
      done += (await handle.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten;
    }
  },
  truncate: (size) => handle.truncate(size),
  close: () => handle.close(),
});

function nothingThere(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
