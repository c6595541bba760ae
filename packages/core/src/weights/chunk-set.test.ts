import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { ChunkSet } from './chunk-set.ts';

const sets = fc
  .integer({ min: 0, max: 300 })
  .chain((size) => fc.tuple(fc.constant(size), fc.uniqueArray(fc.nat(Math.max(0, size - 1)), { maxLength: size })));

describe('ChunkSet', () => {
  it('comes back from its bitmap as it was', () => {
    fc.assert(
      fc.property(sets, ([size, chunks]) => {
        const again = ChunkSet.decode(new ChunkSet(size, chunks).encode(), size);
        expect([...again]).toEqual(chunks.toSorted((a, b) => a - b));
        expect(again.count).toBe(chunks.length);
      }),
    );
  });

  it('takes any bytes for what they are or refuses them by name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(160), (bytes, size) => {
        try {
          const set = ChunkSet.decode(bytes, size);
          expect(set.encode()).toEqual(bytes);
          expect([...set].every((chunk) => chunk < size)).toBe(true);
        } catch (error) {
          expect(errorCode(error)).toBe('malformed_message');
        }
      }),
    );
  });

  it('adds, removes and counts', () => {
    fc.assert(
      fc.property(sets, fc.array(fc.tuple(fc.boolean(), fc.nat(299))), ([size, chunks], changes) => {
        const set = new ChunkSet(size, chunks);
        const model = new Set(chunks);
        for (const [adds, chunk] of changes.filter(([, number]) => number < size)) {
          if (adds) expect(set.add(chunk)).toBe(!model.has(chunk));
          else expect(set.delete(chunk)).toBe(model.has(chunk));
          if (adds) model.add(chunk);
          else model.delete(chunk);
        }
        expect(set.count).toBe(model.size);
        expect(new Set(set)).toEqual(model);
      }),
    );
  });

  it('has no chunk beyond its size', () => {
    const set = new ChunkSet(9, [8]);
    expect(set.has(9)).toBe(false);
    expect(() => set.add(9)).toThrow(RangeError);
  });
});
