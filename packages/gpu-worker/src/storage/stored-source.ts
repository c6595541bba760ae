import { verifyChunk } from '@opengateway/core';
import type { ChunkSource, ManifestFile, ManifestHash, ReadChunkOptions } from '@opengateway/core';
import type { WeightsStore } from './weights-store.ts';

export interface StoredSourceComponents {
  /** Whose chunks these are. */
  readonly manifest: ManifestHash;
  readonly store: WeightsStore;
  /** Where chunks come from that the store does not have. */
  readonly source: ChunkSource;
}

export interface StoredSourceInit {
  /** Called after each chunk that was fetched and found good. */
  readonly onFetched?: (bytes: number) => void;
  /** Called once for reading and once for writing, when the store fails (`storage_full`, `store_busy`). */
  readonly onStoreFailure?: (error: unknown) => void;
}

/**
 * Chunks from the store where it has them, else fetched, verified and then stored.
 *
 * A store that fails never fails the load: from then on chunks are fetched and not kept.
 */
export function createStoredSource(components: StoredSourceComponents, init: StoredSourceInit = {}): ChunkSource {
  return new StoredSource(components, init);
}

class StoredSource implements ChunkSource {
  readonly verified = true;
  readonly #components: StoredSourceComponents;
  readonly #init: StoredSourceInit;
  #readable = true;
  #writable = true;

  constructor(components: StoredSourceComponents, init: StoredSourceInit) {
    this.#components = components;
    this.#init = init;
  }

  async readChunk(file: ManifestFile, index: number, options: ReadChunkOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return (await this.#stored(file, index, options)) ?? (await this.#fetch(file, index, options));
  }

  async close(): Promise<void> {
    await this.#components.source.close?.();
  }

  async #stored(file: ManifestFile, index: number, options: ReadChunkOptions): Promise<Uint8Array | undefined> {
    if (!this.#readable) return undefined;
    const { store, manifest } = this.#components;
    let bytes: Uint8Array | undefined;
    try {
      bytes = await store.read({ manifest, file }, index, options.buffer);
    } catch (error) {
      this.#readable = false;
      this.#init.onStoreFailure?.(error);
    }
    if (!bytes) return undefined;
    try {
      await verifyChunk(file, index, bytes);
      return bytes;
    } catch {
      // The disk went bad or the power was cut: fetched anew, it is written over.
      return undefined;
    }
  }

  async #fetch(file: ManifestFile, index: number, options: ReadChunkOptions): Promise<Uint8Array> {
    const { source, store, manifest } = this.#components;
    const bytes = await source.readChunk(file, index, options);
    if (source.verified !== true) await verifyChunk(file, index, bytes);
    this.#init.onFetched?.(bytes.byteLength);
    if (!this.#writable) return bytes;
    try {
      await store.write({ manifest, file }, index, bytes);
    } catch (error) {
      this.#writable = false;
      this.#init.onStoreFailure?.(error);
    }
    return bytes;
  }
}
