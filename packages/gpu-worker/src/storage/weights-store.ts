import type { ManifestFile, ManifestHash } from '@opengateway/core';

/** One weights file of one model. */
export interface StoredFileKey {
  readonly manifest: ManifestHash;
  readonly file: Pick<ManifestFile, 'name' | 'bytes'>;
}

/** What is kept of one model. */
export interface StoredModel {
  readonly manifest: ManifestHash;
  readonly bytes: number;
  /** When any of it was last read or written, milliseconds since the epoch, to the second; 0 where not known. */
  readonly usedAtMs: number;
}

/**
 * Keeps chunks of weights on the device between visits.
 *
 * A chunk is there whole or not at all, also after the process died in the middle of a write. After a power
 * cut, or where two processes race, one may be there with wrong bytes: who reads verifies.
 */
export interface WeightsStore {
  has(key: StoredFileKey, index: number): Promise<boolean>;
  /** The chunk, in `buffer` where one is given; `undefined` if it is not stored. */
  read(key: StoredFileKey, index: number, buffer?: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined>;
  /**
   * Keeps a chunk, in place of one that is there.
   *
   * @throws StorageFullError, StoreBusyError
   */
  write(key: StoredFileKey, index: number, bytes: Uint8Array): Promise<void>;
  /** Forgets a chunk, as one that went bad. */
  discard(key: StoredFileKey, index: number): Promise<void>;
  /** What is kept, in no particular order; without models that another tab keeps to itself. */
  models(): Promise<readonly StoredModel[]>;
  /** Removes all that is kept of one model. @throws StoreBusyError where another tab still holds it. */
  remove(manifest: ManifestHash): Promise<void>;
  /** Bytes of all chunks kept, of every model; without files that another tab keeps to itself. */
  storedBytes(): Promise<number>;
  /** @throws StoreBusyError where another tab still holds some. */
  removeAll(): Promise<void>;
  /** Lets go of open files; the store may be used again. */
  close(): Promise<void>;
}
