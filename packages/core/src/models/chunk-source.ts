import type { ManifestFile } from './manifest.ts';

export interface ReadChunkOptions {
  readonly signal?: AbortSignal;
  /**
   * `CHUNK_BYTES` that the source may fill and return a view of, to spare an allocation. It must not
   * touch them once the promise has settled.
   */
  readonly buffer?: Uint8Array<ArrayBuffer>;
}

/** Where a model's bytes come from, one chunk at a time: a folder, a server, a store, a peer. */
export interface ChunkSource {
  /** Whether chunks have been checked against the manifest before they are returned. @default false */
  readonly verified?: boolean;
  /**
   * The bytes of chunk `index` of `file`; several calls may be under way at once.
   *
   * @throws SourceUnavailableError, or the signal's reason.
   */
  readChunk(file: ManifestFile, index: number, options?: ReadChunkOptions): Promise<Uint8Array>;
  /** Frees handles; no reads after it. */
  close?(): Promise<void>;
}
