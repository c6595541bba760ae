import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIncrementalDetokenizer } from './incremental-detokenizer.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Bytes in pieces, as tokens have them. */
const piecesArbitrary = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 3 }).map(bytesOf),
    fc
      .constantFrom(0xf0, 0x9f, 0x9a, 0x80, 0xe2, 0x82, 0xac, 0xc3, 0xa9, 0xed, 0xa0, 0xf4, 0x90)
      .map((byte) => Uint8Array.of(byte)),
  ),
  { maxLength: 30 },
);

describe('createIncrementalDetokenizer', () => {
  it('gives the text of all bytes together, however they come', () => {
    fc.assert(
      fc.property(piecesArbitrary, (pieces) => {
        const detokenizer = createIncrementalDetokenizer();
        const text = pieces.map((piece) => detokenizer.push(piece)).join('') + detokenizer.flush();
        expect(text).toBe(Buffer.concat(pieces).toString('utf8'));
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives every prefix of a valid text whole: no character is ever split or guessed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const detokenizer = createIncrementalDetokenizer();
        let shown = '';
        for (const byte of bytesOf(text)) {
          shown += detokenizer.push(Uint8Array.of(byte));
          expect(text.startsWith(shown)).toBe(true);
          expect(shown.isWellFormed()).toBe(true);
        }
        expect(shown).toBe(text);
        expect(detokenizer.flush()).toBe('');
      }),
    );
  });

  it('is pending exactly while flushing would give a replacement character', () => {
    fc.assert(
      fc.property(piecesArbitrary, (pieces) => {
        for (let count = 0; count <= pieces.length; count += 1) {
          const detokenizer = createIncrementalDetokenizer();
          for (const piece of pieces.slice(0, count)) detokenizer.push(piece);
          const { pending } = detokenizer;
          expect(detokenizer.flush()).toBe(pending ? '\ufffd' : '');
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('replaces an unfinished end and starts afresh after it', () => {
    const detokenizer = createIncrementalDetokenizer();
    expect(detokenizer.push(bytesOf('🚀').subarray(0, 3))).toBe('');
    expect(detokenizer.flush()).toBe('\ufffd');
    expect(detokenizer.push(bytesOf('\ufeffé'))).toBe('\ufeffé');
    expect(detokenizer.flush()).toBe('');
  });
});
