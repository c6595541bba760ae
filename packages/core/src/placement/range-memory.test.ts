import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { tensorsOfRange } from '../models/layer-chunks.ts';
import type { ModelManifest } from '../models/manifest.ts';
import { parseManifest } from '../models/parse-manifest.ts';
import { tinyLlama } from '../models/tiny-llama.fixture.ts';
import { createRangeMemory, layersThatFit } from './range-memory.ts';

let tied: ModelManifest;
let untied: ModelManifest;
let single: ModelManifest;
let embedded: ModelManifest;

beforeAll(async () => {
  tied = (await tinyLlama({ layerCount: 6 })).manifest;
  untied = (await tinyLlama({ layerCount: 6, tied: false })).manifest;
  single = (await tinyLlama({ layerCount: 1 })).manifest;
  const path = new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url);
  embedded = parseManifest(JSON.parse(await readFile(path, 'utf8')));
});

const lending = (weightBytes: number) => ({
  memoryBytes: weightBytes + 300,
  kvBudgetBytes: 200,
  engineRoomBytes: 100,
});

describe('createRangeMemory', () => {
  it('counts the bytes of exactly the tensors of a range', () => {
    for (const manifest of [tied, untied, single, embedded]) {
      const { bytesOf } = createRangeMemory(manifest, lending(0));
      const range = fc
        .tuple(fc.nat(manifest.architecture.layerCount), fc.nat(manifest.architecture.layerCount))
        .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
      fc.assert(
        fc.property(range, (layers) => {
          const expected = tensorsOfRange(manifest, layers).reduce((sum, { bytes }) => sum + bytes, 0);
          expect(bytesOf(layers)).toBe(expected);
        }),
      );
    }
  });

  it('leaves room for cache and engine', () => {
    const { bytesOf } = createRangeMemory(untied, lending(0));
    const middle = { start: 1, end: 3 };
    expect(createRangeMemory(untied, lending(bytesOf(middle))).fits(middle)).toBe(true);
    expect(createRangeMemory(untied, lending(bytesOf(middle) - 1)).fits(middle)).toBe(false);
    expect(createRangeMemory(untied, { memoryBytes: 2 ** 20, kvBudgetBytes: 0 }).fits(middle)).toBe(false);
  });

  it('finds the longest range from a layer, shorter where the embedding comes with it', () => {
    const { bytesOf } = createRangeMemory(tied, lending(0));
    const memory = createRangeMemory(tied, lending(bytesOf({ start: 1, end: 4 })));
    expect(memory.longestRangeFrom(1)).toEqual({ start: 1, end: 4 });
    expect(memory.longestRangeFrom(0)).toEqual({ start: 0, end: 2 });
    expect(memory.longestRangeFrom(5)).toEqual({ start: 5, end: 6 });
    expect(createRangeMemory(tied, lending(0)).longestRangeFrom(1)).toBeUndefined();
  });
});

describe('layersThatFit', () => {
  it('is what fits wherever it lies: at the ends with embedding and head', () => {
    const { bytesOf } = createRangeMemory(tied, lending(0));
    expect(layersThatFit(tied, lending(bytesOf({ start: 0, end: 6 })))).toBe(6);
    const ends = Math.max(bytesOf({ start: 0, end: 2 }), bytesOf({ start: 4, end: 6 }));
    expect(layersThatFit(tied, lending(ends))).toBe(2);
    expect(layersThatFit(tied, lending(ends - 1))).toBe(1);
    expect(layersThatFit(tied, lending(0))).toBe(0);
  });
});
