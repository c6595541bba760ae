import type { ModelManifest, TensorInfo } from './manifest.ts';

/** Verified access to a model's tensors; how every engine gets its weights. */
export interface TensorReader {
  readonly manifest: ModelManifest;
  /**
   * Bytes `[offset, offset + length)` of `tensor`, each chunk's sha256 checked before it is returned.
   * The view is the caller's to read until its next call.
   *
   * @throws ChunkHashMismatchError naming the file and chunk; SourceUnavailableError; ReaderBusyError
   * where a read is still under way.
   */
  read(tensor: TensorInfo, offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}
