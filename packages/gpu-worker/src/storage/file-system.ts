import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { chunkFolderName } from './block-file.ts';
import { createFolderStore } from './folder-store.ts';
import type { FileHandle } from 'node:fs/promises';
import type { BlockFile, ChunkFiles, StoreFolder } from './block-file.ts';
import type { FolderStoreComponents } from './folder-store.ts';
import type { WeightsStore } from './weights-store.ts';

/** Keeps weights in a folder (Node only); the folder is made when the first chunk comes. */
export function createFileSystemStore(
  { directory }: { readonly directory: string },
  components: FolderStoreComponents = {},
): WeightsStore {
  const folder: StoreFolder = {
    async open(manifest, file) {
      const chunks = join(directory, manifest, chunkFolderName(file));
      await mkdir(chunks, { recursive: true });
      return chunkFiles(chunks, await open(join(directory, manifest, file), constants.O_RDWR | constants.O_CREAT));
    },
    async list() {
      const found: { manifest: string; file: string }[] = [];
      for (const model of await readdir(directory, { withFileTypes: true }).catch(nothingThere)) {
        if (!model.isDirectory()) continue;
        for (const entry of await readdir(join(directory, model.name), { withFileTypes: true })) {
          if (entry.isFile()) found.push({ manifest: model.name, file: entry.name });
        }
      }
      return found;
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

function chunkFiles(folder: string, marks: FileHandle): ChunkFiles {
  const pathOf = (index: number) => join(folder, String(index));
  return {
    marks: blockFile(marks),
    async read(index, buffer) {
      const handle = await open(pathOf(index)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (handle === undefined) return 0;
      try {
        return await blockFile(handle).read(buffer, 0);
      } finally {
        await handle.close();
      }
    },
    async write(index, bytes) {
      const handle = await open(pathOf(index), constants.O_WRONLY | constants.O_CREAT);
      try {
        await blockFile(handle).write(bytes, 0);
        await handle.truncate(bytes.byteLength);
      } finally {
        await handle.close();
      }
    },
    remove: (index) => rm(pathOf(index), { force: true }),
    close: () => marks.close(),
  };
}

const blockFile = (handle: FileHandle): BlockFile => ({
  size: async () => (await handle.stat()).size,
  async read(buffer, at) {
    let done = 0;
    while (done < buffer.byteLength) {
      const { bytesRead } = await handle.read(buffer, done, buffer.byteLength - done, at + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  },
  async write(bytes, at) {
    for (let done = 0; done < bytes.byteLength;) {
      done += (await handle.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten;
    }
  },
  truncate: (size) => handle.truncate(size),
});

function nothingThere(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
