import { describe, expect, it } from 'vitest';
import { addressWords, changeWords, linkedWords, regionReason, relaysWords } from './region-words.ts';

describe('words about the region', () => {
  it('say why a tab is where it is, and what its address tells', () => {
    expect((['address', 'relay', 'override'] as const).map((source) => regionReason({ source }))).toEqual([
      'by your address',
      'by this relay',
      'chosen by you',
    ]);
    expect(addressWords({ byAddress: 'north-america' })).toBe('North America');
    expect(addressWords({ byAddress: null })).toContain('tells no region');
  });

  it('say where no relay is known, and where none can be joined', () => {
    expect(relaysWords(0, false)).toBe('no relay known there');
    expect(relaysWords(2, true)).toBe('2 relays known');
    expect(relaysWords(1, false)).toBe('1 relay known, none to join from here');
  });

  it('say before a change what it does, also to who lends', () => {
    expect(changeWords('europe', 'asia', false)).toContain('leaves Europe and joins the clusters of Asia');
    expect(changeWords('europe', 'asia', true)).toContain('stops lending and starts again there');
  });

  it('say how many relays of the region are linked', () => {
    expect(linkedWords({ linked: 2, known: 2, region: 'asia' })).toBe('2 of 2 relays of Asia');
    expect(linkedWords({ linked: 1, known: 0, region: 'local' })).toBe('1 of 1 relay of Local');
  });
});
