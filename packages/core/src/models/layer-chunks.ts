import { EMBEDDING_TENSOR, layerOfTensor } from './expected-tensors.ts';
import { CHUNK_BYTES } from './manifest.ts';
import type { LayerRange } from '../ids.ts';
import type { ModelManifest, TensorInfo } from './manifest.ts';

/** Chunks of one file. */
export interface FileChunks {
  /** Index into the manifest's `files`. */
  readonly file: number;
  /** Ascending, each once. */
  readonly chunks: readonly number[];
}

/**
 * The tensors that a stage with layers `[start, end)` computes with, in the manifest's order: the
 * embedding goes with layer 0, output norm and head with the last; tied embeddings are needed by both.
 */
export function tensorsOfRange(manifest: ModelManifest, range: LayerRange): TensorInfo[] {
  const { layerCount, tiedEmbeddings } = manifest.architecture;
  const first = range.start === 0 && range.end > 0;
  const last = range.end === layerCount && range.start < layerCount;
  return manifest.tensors.filter(({ name }) => {
    const layer = layerOfTensor(name);
    if (layer !== undefined) return layer >= range.start && layer < range.end;
    return name === EMBEDDING_TENSOR ? first || (last && tiedEmbeddings) : last;
  });
}

/** The chunks that hold those tensors, for each file that has any. */
export function chunksOfRange(manifest: ModelManifest, range: LayerRange): FileChunks[] {
  const wanted = new Map<number, Set<number>>();
  for (const { file, offset, bytes } of tensorsOfRange(manifest, range)) {
    const chunks = wanted.get(file) ?? new Set();
    const end = Math.ceil((offset + bytes) / CHUNK_BYTES);
    for (let chunk = Math.floor(offset / CHUNK_BYTES); chunk < end; chunk++) chunks.add(chunk);
    wanted.set(file, chunks);
  }
  return [...wanted]
    .sort(([left], [right]) => left - right)
    .map(([file, chunks]) => ({ file, chunks: [...chunks].sort((left, right) => left - right) }));
}
