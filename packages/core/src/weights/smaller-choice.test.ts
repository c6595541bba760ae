import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, type ModelManifest } from '../models/manifest.ts';
import { tinyLlama } from '../models/tiny-llama.fixture.ts';
import { numberChunks } from './model-chunks.ts';
import { modelsThatFit, partThatFits } from './smaller-choice.ts';
import type { CatalogEntry } from '../bootstrap.ts';

let manifest: ModelManifest;
beforeAll(async () => {
  // Each tensor in a chunk of its own, so that every layer takes as much as every other.
  const tiny = await tinyLlama({ layerCount: 12 });
  const tensors = tiny.manifest.tensors.map((tensor, at) => ({ ...tensor, offset: at * CHUNK_BYTES }));
  const file = { name: 'x.gguf', bytes: tensors.length * CHUNK_BYTES, chunks: tensors.map(() => '0'.repeat(64)) };
  manifest = { ...tiny.manifest, tensors, files: [file] };
});

describe('what would fit instead', () => {
  it('is the longest part whose chunks fit, and no longer one does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 130 }), (megabytes) => {
        const roomBytes = megabytes * CHUNK_BYTES;
        const chunks = numberChunks(manifest);
        const bytesOf = (start: number, end: number) => chunks.bytesOf(chunks.ofRange({ start, end }));
        const part = partThatFits(manifest, roomBytes);
        const length = part === undefined ? 0 : part.layers.end - part.layers.start;
        if (part !== undefined) {
          expect(part.bytes).toBe(bytesOf(part.layers.start, part.layers.end));
          expect(part.bytes).toBeLessThanOrEqual(roomBytes);
        }
        for (let start = 0; start + length + 1 <= 12; start++) {
          expect(bytesOf(start, start + length + 1)).toBeGreaterThan(roomBytes);
        }
      }),
    );
  });

  it('is a smaller model of the catalogue, the largest first', () => {
    const catalog = [3, 9, 5].map((bytes) => ({ id: `m${bytes}`, bytes }) as CatalogEntry);
    expect(modelsThatFit(catalog, 5).map(({ id }) => id)).toEqual(['m5', 'm3']);
    expect(modelsThatFit(catalog, 2)).toEqual([]);
  });
});
