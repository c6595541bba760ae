import { describe, expect, it } from 'vitest';
import { isRegion, nearestFirst, REGION_NAMES, regionName, REGIONS, regionsFrom } from './region.ts';

describe('regions', () => {
  it('are seven, each with a name', () => {
    expect(REGIONS).toHaveLength(7);
    expect(REGIONS.map(regionName)).toEqual(REGIONS.map((region) => REGION_NAMES[region]));
    expect(regionName('local')).toBe('local');
  });

  it.each(['', 'Asia', 'local', 'antarctica', 'toString'])('are not %j', (name) => {
    expect(isRegion(name)).toBe(false);
  });

  it.each(REGIONS)('are all seven, each once, seen from %s', (region) => {
    const order = regionsFrom(region);
    expect(order[0]).toBe(region);
    expect(order.toSorted()).toEqual(REGIONS.toSorted());
  });
});

describe('nearestFirst', () => {
  const relays = ['africa', 'europe', 'local', 'asia', 'oceania', 'asia'].map((region, index) => ({ region, index }));

  it('puts the own region first, then the neighbours, then what is not on the map, each in its given order', () => {
    const sorted = nearestFirst(relays, 'asia');
    expect(sorted.map(({ region }) => region)).toEqual(['asia', 'asia', 'oceania', 'europe', 'africa', 'local']);
    expect(sorted.slice(0, 2).map(({ index }) => index)).toEqual([3, 5]);
  });

  it('keeps the order of the rest where the place is not on the map', () => {
    expect(nearestFirst(relays, 'local').map(({ region }) => region)).toEqual([
      'local',
      'africa',
      'europe',
      'asia',
      'oceania',
      'asia',
    ]);
  });
});
