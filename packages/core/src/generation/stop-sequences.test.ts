import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopSequenceMatcher } from './stop-sequences.ts';

const cutNaively = (text: string, stops: readonly string[]) => {
  const cuts = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return { text: text.slice(0, Math.min(text.length, ...cuts)), stopped: cuts.length > 0 };
};

/** Pieces given out one by one, and the whole. */
const run = (pieces: readonly string[], stops: readonly string[]) => {
  const matcher = createStopSequenceMatcher(stops);
  const shown: string[] = [];
  let stopped = false;
  for (const piece of pieces) {
    const outcome = matcher.push(piece);
    shown.push(outcome.text);
    stopped = outcome.stopped;
    if (stopped) break;
  }
  if (!stopped) {
    const outcome = matcher.flush();
    shown.push(outcome.text);
    stopped = outcome.stopped;
  }
  return { shown, text: shown.join(''), stopped };
};

// Few letters, so that prefixes, overlaps and repeats abound.
const word = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength, maxLength });

describe('createStopSequenceMatcher', () => {
  it('cuts as if the whole text were there, however it comes in pieces', () => {
    fc.assert(
      fc.property(fc.array(word(0, 5), { maxLength: 12 }), fc.array(word(1, 5), { maxLength: 4 }), (pieces, stops) => {
        const { text, stopped } = run(pieces, stops);
        expect({ text, stopped }).toEqual(cutNaively(pieces.join(''), stops));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never shows text that the final answer does not have', () => {
    fc.assert(
      fc.property(word(0, 40), fc.array(word(1, 6), { minLength: 1, maxLength: 4 }), (text, stops) => {
        const final = cutNaively(text, stops).text;
        let shown = '';
        for (const piece of run([...text], stops).shown) {
          shown += piece;
          expect(final.startsWith(shown)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives text at once where nothing of it may begin a stop string', () => {
    const matcher = createStopSequenceMatcher(['\n\n', 'END']);
    expect(matcher.push('one\n')).toEqual({ text: 'one', stopped: false });
    expect(matcher.push('two E')).toEqual({ text: '\ntwo ', stopped: false });
    expect(matcher.push('N')).toEqual({ text: '', stopped: false });
    expect(matcher.push('D and more')).toEqual({ text: '', stopped: true });
    expect(matcher.push('later')).toEqual({ text: '', stopped: true });
    expect(matcher.flush()).toEqual({ text: '', stopped: true });
  });

  it('ignores empty stop strings and passes everything without any', () => {
    expect(run(['a', 'b'], ['']).shown).toEqual(['a', 'b', '']);
    expect(run(['a', 'b'], []).shown).toEqual(['a', 'b', '']);
  });
});
