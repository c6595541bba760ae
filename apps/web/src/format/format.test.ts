import { describe, expect, it } from 'vitest';
import { engineWords, regionWords, shortPeer } from './names.ts';
import { formatBytes, formatBytesOf, formatCount, formatPlural, formatRate } from './numbers.ts';
import { formatAgo, formatEstimate, formatSpan } from './time.ts';

describe('numbers', () => {
  it('writes bytes in decimal units', () => {
    expect([0, 999, 1_400, 98_362_432, 1_440_000_000].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.4 kB',
      '98 MB',
      '1.4 GB',
    ]);
  });

  it('writes two amounts in the unit of the larger', () => {
    expect(formatBytesOf(34_000_000, 98_362_432)).toBe('34 of 98 MB');
    expect(formatBytesOf(0, 1_440_000_000)).toBe('0.0 of 1.4 GB');
  });

  it('writes counts and rates', () => {
    expect(formatCount(12_480)).toBe('12,480');
    expect([formatPlural(1, 'peer'), formatPlural(0, 'peer')]).toEqual(['1 peer', '0 peers']);
    expect([0, 2.84, 74.4].map(formatRate)).toEqual(['0', '2.8', '74']);
  });
});

describe('time', () => {
  it('writes spans with their unit', () => {
    expect([0, 82, 310, 4_240, 20_400, 185_000, 7_800_000].map(formatSpan)).toEqual([
      '0 ms',
      '82 ms',
      '0.31 s',
      '4.2 s',
      '20 s',
      '3 min 5 s',
      '2 h 10 min',
    ]);
  });

  it('rounds estimates up so that they do not flicker', () => {
    expect([200, 9_100, 16_300, 61_000, 4_000_000].map(formatEstimate)).toEqual([
      '1 s',
      '10 s',
      '20 s',
      '2 min',
      '2 h',
    ]);
  });

  it('says how long ago', () => {
    expect([0, 40_000, 240_000, 10_800_000].map((ms) => formatAgo(1e12 - ms, 1e12))).toEqual([
      'now',
      '40 s ago',
      '4 min ago',
      '3 h ago',
    ]);
  });
});

describe('names', () => {
  it('shortens peers, names engines and regions', () => {
    expect(shortPeer('12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN')).toBe('…x6nXTN');
    expect(shortPeer('short')).toBe('short');
    expect([engineWords('wasm'), engineWords('new')]).toEqual(['CPU (wasm)', 'new']);
    expect(regionWords('north-america')).toBe('North America');
  });
});
