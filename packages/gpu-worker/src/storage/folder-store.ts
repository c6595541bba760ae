import { CHUNK_BYTES, errorCode } from '@opengateway/core';
import { storageError } from './errors.ts';
import { StoredFile } from './stored-file.ts';
import type { BlockFile, StoreFolder } from './block-file.ts';
import type { StoredFileKey, WeightsStore } from './weights-store.ts';

/** A store over a folder of any platform. */
export function createFolderStore(folder: StoreFolder): WeightsStore {
  return new FolderStore(folder);
}

class FolderStore implements WeightsStore {
  readonly #folder: StoreFolder;
  readonly #open = new Map<string, Promise<StoredFile>>();

  constructor(folder: StoreFolder) {
    this.#folder = folder;
  }

  has(key: StoredFileKey, index: number): Promise<boolean> {
    return translated(async () => (await this.#file(key)).has(index));
  }

  read(key: StoredFileKey, index: number, buffer?: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    return translated(async () => (await this.#file(key)).read(index, buffer ?? new Uint8Array(CHUNK_BYTES)));
  }

  write(key: StoredFileKey, index: number, bytes: Uint8Array): Promise<void> {
    return translated(async () => (await this.#file(key)).write(index, bytes));
  }

  storedBytes(): Promise<number> {
    return translated(async () => {
      let total = 0;
      for (const { manifest, file } of await this.#folder.list()) {
        const open = await this.#open.get(pathOf(manifest, file));
        total += open ? open.storedBytes : await this.#bytesOfClosed(manifest, file);
      }
      return total;
    });
  }

  removeAll(): Promise<void> {
    return translated(async () => {
      await this.close();
      await this.#folder.remove();
    });
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of await Promise.allSettled(files)) {
      if (file.status === 'fulfilled') await file.value.close();
    }
  }

  /** Opens a file once, however many ask at the same time; a failure is not remembered. */
  #file({ manifest, file }: StoredFileKey): Promise<StoredFile> {
    const path = pathOf(manifest, file.name);
    const known = this.#open.get(path);
    if (known) return known;
    const opened = this.#openFile(manifest, file).catch((error: unknown) => {
      this.#open.delete(path);
      throw error;
    });
    this.#open.set(path, opened);
    return opened;
  }

  async #openFile(manifest: string, { name, bytes }: StoredFileKey['file']): Promise<StoredFile> {
    const file = await this.#folder.open(manifest, name);
    try {
      return await StoredFile.open(file, bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #bytesOfClosed(manifest: string, name: string): Promise<number> {
    const file = await this.#openUnlessBusy(manifest, name);
    if (!file) return 0;
    try {
      return (await StoredFile.recognise(file))?.storedBytes ?? 0;
    } finally {
      await file.close();
    }
  }

  async #openUnlessBusy(manifest: string, name: string): Promise<BlockFile | undefined> {
    try {
      return await this.#folder.open(manifest, name);
    } catch (error) {
      const meaning = storageError(error);
      if (errorCode(meaning) === 'store_busy') return undefined;
      throw meaning;
    }
  }
}

const pathOf = (manifest: string, file: string) => `${manifest}/${file}`;

async function translated<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageError(error);
  }
}
