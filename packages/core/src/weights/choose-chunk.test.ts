import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkSet } from './chunk-set.ts';
import { chooseChunk } from './choose-chunk.ts';

const SIZE = 40;
const NONE = new Map<number, unknown>();
const chunks = fc.uniqueArray(fc.nat(SIZE - 1));

describe('the chunk to ask for', () => {
  it('is one of the rarest that are missing here, that are there, and that are not asked for yet', () => {
    fc.assert(
      fc.property(
        chunks,
        chunks,
        chunks,
        fc.array(fc.nat(9), { minLength: SIZE, maxLength: SIZE }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (missing, have, asked, counts, chance) => {
          const chosen = chooseChunk({
            missing: new ChunkSet(SIZE, missing),
            have: new ChunkSet(SIZE, have),
            asked: new Map(asked.map((chunk) => [chunk, null])),
            copies: Uint16Array.from(counts),
            first: [],
            random: () => chance,
          });
          const possible = missing.filter((chunk) => have.includes(chunk) && !asked.includes(chunk));
          if (possible.length === 0) {
            expect(chosen).toBeUndefined();
            return;
          }
          expect(possible).toContain(chosen);
          expect(counts[chosen!]).toBe(Math.min(...possible.map((chunk) => counts[chunk]!)));
        },
      ),
    );
  });

  it('is left to chance among equals', () => {
    const set = new ChunkSet(4, [0, 1, 2, 3]);
    let at = 0;
    const random = () => (at = (at * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const counts = [0, 0, 0, 0];
    for (let round = 0; round < 4_000; round++) {
      counts[chooseChunk({ missing: set, have: set, asked: NONE, copies: new Uint16Array(4), first: [], random })!]! +=
        1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(700);
  });

  it('is what a reader waits for, where the source has it', () => {
    const copies = Uint16Array.from([1, 9, 9]);
    const missing = new ChunkSet(3, [0, 1, 2]);
    const choice = { missing, asked: NONE, copies, random: Math.random, first: [2, 1] };
    expect(chooseChunk({ ...choice, have: new ChunkSet(3, [0, 1, 2]) })).toBe(2);
    expect(chooseChunk({ ...choice, have: new ChunkSet(3, [0, 1]) })).toBe(1);
  });
});
