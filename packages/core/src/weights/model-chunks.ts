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

/** Files' chunks under one numbering: those of the first file, then those of the second, and so on. */
export interface NumberedChunks {
  readonly count: number;
  /** @throws RangeError for a number the model does not have. */
  at(chunk: number): FileChunk;
  /** Undefined for a file the model does not have. */
  numberOf(file: Pick<ManifestFile, 'name'>, index: number): number | undefined;
  bytesOf(chunks: Iterable<number>): number;
}

/** A model's chunks. */
export interface ModelChunks extends NumberedChunks {
  /** The chunks that a stage with these layers needs. */
  ofRange(layers: LayerRange): ChunkSet;
}

/** @throws UnexchangeableModelError for more chunks than peers can tell each other of. */
export function numberFiles({ id, files }: Pick<ModelManifest, 'id' | 'files'>): NumberedChunks {
  const starts: number[] = [];
  let count = 0;
  for (const { chunks } of files) {
    starts.push(count);
    count += chunks.length;
  }
  if (count > MAX_MODEL_CHUNKS) throw new UnexchangeableModelError(id);

  const at = (chunk: number): FileChunk => {
    for (const [place, file] of files.entries()) {
      const index = chunk - starts[place]!;
      if (index >= 0 && index < file.chunks.length) return { file, index, bytes: chunkLength(file, index) };
    }
    throw new RangeError(`There is no chunk ${chunk}.`);
  };
  return {
    count,
    at,
    numberOf({ name }, index) {
      const place = files.findIndex((file) => file.name === name);
      return place === -1 ? undefined : starts[place]! + index;
    },
    bytesOf(chunks) {
      let bytes = 0;
      for (const chunk of chunks) bytes += at(chunk).bytes;
      return bytes;
    },
  };
}

/** @throws UnexchangeableModelError */
export function numberChunks(manifest: ModelManifest): ModelChunks {
  const numbered = numberFiles(manifest);
  return {
    ...numbered,
    ofRange(layers) {
      const set = new ChunkSet(numbered.count);
      for (const { file, chunks } of chunksOfRange(manifest, layers)) {
        for (const index of chunks) set.add(numbered.numberOf(manifest.files[file]!, index)!);
      }
      return set;
    },
  };
}
