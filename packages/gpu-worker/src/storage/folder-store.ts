import { CHUNK_BYTES, errorCode, systemClock } from '@opengateway/core';
import { storageError } from './errors.ts';
import { StoredFile } from './stored-file.ts';
import type { ChunkFiles, StoreFolder } from './block-file.ts';
import type { Clock, ManifestHash } from '@opengateway/core';
import type { StoredFileKey, StoredModel, WeightsStore } from './weights-store.ts';

/** A store over a folder of any platform. */
export function createFolderStore(
  folder: StoreFolder,
  { clock = systemClock }: FolderStoreComponents = {},
): WeightsStore {
  return new FolderStore(folder, clock);
}

export interface FolderStoreComponents {
  readonly clock?: Clock | undefined;
}

class FolderStore implements WeightsStore {
  readonly #folder: StoreFolder;
  readonly #clock: Clock;
  readonly #open = new Map<string, Promise<StoredFile>>();

  constructor(folder: StoreFolder, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
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

  discard(key: StoredFileKey, index: number): Promise<void> {
    return translated(async () => (await this.#file(key)).discard(index));
  }

  models(): Promise<readonly StoredModel[]> {
    return translated(async () => {
      const models = new Map<ManifestHash, StoredModel>();
      for (const { manifest: name, file } of await this.#folder.list()) {
        const manifest = name as ManifestHash;
        const opened = await this.#open.get(pathOf(name, file));
        const { storedBytes, usedAtMs } = opened ?? (await this.#figuresOfClosed(name, file));
        const { bytes, usedAtMs: otherAtMs } = models.get(manifest) ?? { bytes: 0, usedAtMs: 0 };
        models.set(manifest, { manifest, bytes: bytes + storedBytes, usedAtMs: Math.max(usedAtMs, otherAtMs) });
      }
      return [...models.values()].filter(({ bytes }) => bytes > 0);
    });
  }

  remove(manifest: ManifestHash): Promise<void> {
    return translated(async () => {
      for (const [path, opened] of this.#open) {
        if (!path.startsWith(`${manifest}/`)) continue;
        this.#open.delete(path);
        await (await opened).close();
      }
      await this.#folder.remove(manifest);
    });
  }

  async storedBytes(): Promise<number> {
    return (await this.models()).reduce((total, { bytes }) => total + bytes, 0);
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
    const files = await this.#folder.open(manifest, name);
    try {
      const stored = await StoredFile.open(files, bytes);
      await stored.touch(this.#clock.now());
      return stored;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  async #figuresOfClosed(manifest: string, name: string): Promise<{ storedBytes: number; usedAtMs: number }> {
    const files = await this.#openUnlessBusy(manifest, name);
    if (!files) return { storedBytes: 0, usedAtMs: 0 };
    try {
      const { storedBytes = 0, usedAtMs = 0 } = (await StoredFile.recognise(files)) ?? {};
      return { storedBytes, usedAtMs };
    } finally {
      await files.close();
    }
  }

  async #openUnlessBusy(manifest: string, name: string): Promise<ChunkFiles | undefined> {
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
