import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { chunksOfRange, tensorsOfRange } from './layer-chunks.ts';
import { CHUNK_BYTES } from './manifest.ts';
import { tinyLlama } from './tiny-llama.fixture.ts';
import type { ModelManifest } from './manifest.ts';

let tied: ModelManifest;
let untied: ModelManifest;

beforeAll(async () => {
  // 32 bytes a row: an embedding of some two chunks, then small layers.
  tied = (await tinyLlama({ vocabularySize: 65_000 })).manifest;
  untied = (await tinyLlama({ vocabularySize: 65_000, tied: false })).manifest;
});

const outside = (manifest: ModelManifest, start: number, end: number) =>
  tensorsOfRange(manifest, { start, end })
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('blk.'));

describe('tensorsOfRange', () => {
  it('gives the embedding to the first stage and norm and head to the last', () => {
    expect(outside(untied, 0, 1)).toEqual(['token_embd.weight']);
    expect(outside(untied, 1, 2)).toEqual([]);
    expect(outside(untied, 2, 3)).toEqual(['output_norm.weight', 'output.weight']);
  });

  it('gives tied embeddings to both ends', () => {
    expect(outside(tied, 0, 1)).toEqual(['token_embd.weight']);
    expect(outside(tied, 1, 3)).toEqual(['token_embd.weight', 'output_norm.weight']);
  });

  it('covers every layer tensor exactly once over any split', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 }), (cut) => {
        const names = [
          { start: 0, end: cut },
          { start: cut, end: 3 },
        ].flatMap((range) => tensorsOfRange(untied, range).map(({ name }) => name));
        expect(names.toSorted()).toEqual(untied.tensors.map(({ name }) => name).toSorted());
      }),
    );
  });
});

describe('chunksOfRange', () => {
  it('names exactly the chunks that hold the tensors of the range', () => {
    const embedding = tied.tensors[0];
    const end = Math.floor(((embedding?.offset ?? 0) + (embedding?.bytes ?? 0) - 1) / CHUNK_BYTES);
    expect(chunksOfRange(tied, { start: 0, end: 3 })).toEqual([{ file: 0, chunks: [0, 1] }]);
    expect(end).toBe(1);
    expect(chunksOfRange(tied, { start: 1, end: 2 })).toEqual([{ file: 0, chunks: [1] }]);
    expect(chunksOfRange(tied, { start: 1, end: 1 })).toEqual([]);
  });
});
