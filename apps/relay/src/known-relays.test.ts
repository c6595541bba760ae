import { describe, expect, it } from 'vitest';
import { relaysNear } from './known-relays.ts';

const self = { region: 'europe', url: 'https://self.example' };
const known = [
  { region: 'asia', url: 'https://asia.example' },
  { region: 'europe', url: 'https://self.example' },
  { region: 'europe', url: 'https://other.example' },
  { region: 'asia', url: 'https://asia.example' },
  { region: 'middle-east', url: 'https://gulf.example' },
];
const hosts = (from: string) => relaysNear(from, self, known).map(({ url }) => new URL(url).hostname);

describe('relaysNear', () => {
  it('names each relay once, this one among them, nearest first', () => {
    expect(hosts('europe')).toEqual(['self.example', 'other.example', 'gulf.example', 'asia.example']);
    expect(hosts('asia')).toEqual(['asia.example', 'gulf.example', 'self.example', 'other.example']);
  });

  it('begins with itself where the client is on no map', () => {
    expect(relaysNear('local', { ...self, region: 'local' }, known)[0]).toEqual({ ...self, region: 'local' });
  });
});
