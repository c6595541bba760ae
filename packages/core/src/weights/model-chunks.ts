import { UnexchangeableModelError } from './errors.ts';
import { chunkLength } from '../models/chunk-hash.ts';
import { chunksOfRange } from '../models/layer-chunks.ts';
import { ChunkSet } from './chunk-set.ts';
import { MAX_MODEL_CHUNKS } from './constants.ts';
import type { LayerRange } from '../ids.ts';
import type { ManifestFile, ModelManifest } from '../models/manifest.ts';

/** A chunk of one of a model's files. */
export interface FileChunk {
  readonly file: ManifestFile;
  readonly index: number;
  readonly bytes: number;
}

/** A model's chunks under one numbering: those of the first file, then those of the second, and so on. */
export interface ModelChunks {
  readonly count: number;
  /** @throws RangeError for a number the model does not have. */
  at(chunk: number): FileChunk;
  /** Undefined for a file the model does not have. */
  numberOf(file: Pick<ManifestFile, 'name'>, index: number): number | undefined;
  /** The chunks that a stage with these layers needs. */
  ofRange(layers: LayerRange): ChunkSet;
  bytesOf(chunks: Iterable<number>): number;
}

/** @throws UnexchangeableModelError for more chunks than peers can tell each other of. */
export function numberChunks(manifest: ModelManifest): ModelChunks {
  const starts: number[] = [];
  let count = 0;
  for (const { chunks } of manifest.files) {
    starts.push(count);
    count += chunks.length;
  }
  if (count > MAX_MODEL_CHUNKS) throw new UnexchangeableModelError(manifest.id);

  const at = (chunk: number): FileChunk => {
    for (const [place, file] of manifest.files.entries()) {
      const index = chunk - starts[place]!;
      if (index >= 0 && index < file.chunks.length) return { file, index, bytes: chunkLength(file, index) };
    }
    throw new RangeError(`There is no chunk ${chunk}.`);
  };
  return {
    count,
    at,
    numberOf({ name }, index) {
      const place = manifest.files.findIndex((file) => file.name === name);
      return place === -1 ? undefined : starts[place]! + index;
    },
    ofRange(layers) {
      const set = new ChunkSet(count);
      for (const { file, chunks } of chunksOfRange(manifest, layers)) {
        for (const index of chunks) set.add(starts[file]! + index);
      }
      return set;
    },
    bytesOf(chunks) {
      let bytes = 0;
      for (const chunk of chunks) bytes += at(chunk).bytes;
      return bytes;
    },
  };
}
