import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockStream, splitBlocks } from './block-stream.ts';

const LINES = [
  'A sentence.',
  '# Heading',
  '- item',
  '  - nested',
  '1. one',
  '```js',
  'const a = 1;',
  '```',
  '> quote',
  '| a | b |',
  '| - | - |',
  '| 1 | 2 |',
  '    indented',
  '---',
  '',
  '',
  '**bold** `code`',
  '~~~',
  '<div>',
  '\ttab',
  '- \ttabbed item',
];
const text = fc
  .array(fc.tuple(fc.constantFrom(...LINES), fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 25 })
  .map((lines) => lines.map(([line, end]) => line + end).join(''));
const shape = (source: ReturnType<typeof splitBlocks>) =>
  source.map(({ offset, token }) => [offset, token.type, token.raw]);

describe('block stream', () => {
  it('splits a text into its blocks', () => {
    expect(splitBlocks('# A\n\nText\n\n```js\nx\n\ny\n```\n').map(({ token }) => token.type)).toEqual([
      'heading',
      'paragraph',
      'code',
    ]);
  });

  it('ends with the same blocks however the text grew', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(300), { maxLength: 10 }), (whole, cuts) => {
        const stream = new BlockStream();
        for (const cut of cuts.sort((a, b) => a - b)) stream.update(whole.slice(0, cut));
        expect(shape(stream.update(whole))).toEqual(shape(splitBlocks(whole)));
      }),
      { numRuns: 300 },
    );
  });

  it('places every block where its text stands', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const read = whole.replaceAll('\r\n', '\n');
        for (const { offset, token } of splitBlocks(whole)) {
          expect(read.slice(offset, offset + token.raw.length)).toBe(token.raw);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps finished blocks as they are', () => {
    const stream = new BlockStream();
    const [first] = stream.update('One\n\nTwo\n\nThr');
    const again = stream.update('One\n\nTwo\n\nThree\n\nand more');
    expect(again[0]).toBe(first);
    expect(again).toHaveLength(4);
  });

  it('begins anew with another text', () => {
    const stream = new BlockStream();
    stream.update('One\n\nTwo\n\nThree');
    expect(shape(stream.update('# Other'))).toEqual([[0, 'heading', '# Other']]);
  });
});
