import { describe, expect, it } from 'vitest';
import { createBytePairEncoder } from './byte-pair-encoder.ts';
import { decodeByteLevel } from './byte-level.ts';
import { preTokenizerRules } from './pre-tokenizers.ts';
import type { Vocabulary } from './vocabulary.ts';

const vocabulary: Vocabulary = {
  preTokenizer: 'gpt-2',
  tokens: ['a', 'b', 'c', 'ab', 'abc'],
  merges: ['a b'],
  control: new Set(),
  userDefined: new Set(),
};

const piecesOf = (name: string, text: string) =>
  createBytePairEncoder(vocabulary, preTokenizerRules(name))
    .preTokenize(text)
    .map((piece) => Buffer.from(decodeByteLevel(piece) ?? []).toString('utf8'));

const TEXT = "I'LL say it's  12345 x\n\n  y!?\nÉté\t٣٤٥٦\u0085z ";

describe('pre-tokenizers', () => {
  it('gpt-2: words, numbers and punctuation with one leading space', () => {
    expect(piecesOf('gpt-2', TEXT)).toEqual([
      'I',
      "'",
      'LL',
      ' say',
      ' it',
      "'s",
      ' ',
      ' 12345',
      ' x',
      '\n\n ',
      ' y',
      '!?',
      '\n',
      'Été',
      '\t',
      '٣٤٥٦',
      '\u0085',
      'z',
      ' ',
    ]);
  });

  it('smollm: the same, each digit alone', () => {
    expect(piecesOf('smollm', TEXT)).toEqual([
      'I',
      "'",
      'LL',
      ' say',
      ' it',
      "'s",
      '  ',
      '1',
      '2',
      '3',
      '4',
      '5',
      ' x',
      '\n\n ',
      ' y',
      '!?',
      '\n',
      'Été',
      '\t',
      '٣',
      '٤',
      '٥',
      '٦',
      '\u0085',
      'z',
      ' ',
    ]);
  });

  it('llama-bpe: three digits at most, contractions of any case, newlines after punctuation', () => {
    const expected = [
      'I',
      "'LL",
      ' say',
      ' it',
      "'s",
      ' ',
      ' ',
      '123',
      '45',
      ' x',
      '\n\n',
      ' ',
      ' y',
      '!?\n',
      'Été',
      '\t',
      '٣٤٥',
      '٦',
      '\u0085z',
      ' ',
    ];
    for (const name of ['llama-bpe', 'llama3', 'llama-v3']) expect(piecesOf(name, TEXT)).toEqual(expected);
  });

  it('qwen2: one digit at a time, composed characters', () => {
    expect(piecesOf('qwen2', 'E\u0301te\u0301 42\n x')).toEqual(['Été', ' ', '4', '2', '\n', ' x']);
  });
});

describe('createBytePairEncoder', () => {
  it('leaves a piece of the vocabulary unmerged only where the model wants that', () => {
    expect(createBytePairEncoder(vocabulary, preTokenizerRules('gpt-2')).encode('abc')).toEqual([3, 2]);
    expect(createBytePairEncoder(vocabulary, preTokenizerRules('llama-bpe')).encode('abc')).toEqual([4]);
  });

  it('leaves out bytes the vocabulary lacks', () => {
    expect(createBytePairEncoder(vocabulary, preTokenizerRules('gpt-2')).encode('azb')).toEqual([0, 1]);
  });

  it('never gives a control token for text', () => {
    const encoder = createBytePairEncoder({ ...vocabulary, control: new Set([3, 4]) }, preTokenizerRules('llama-bpe'));
    expect(encoder.encode('abc')).not.toContain(4);
    expect(encoder.encode('ab')).not.toContain(3);
  });
});
