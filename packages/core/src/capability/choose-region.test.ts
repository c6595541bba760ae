import { describe, expect, it } from 'vitest';
import { chooseRegion } from './choose-region.ts';

const europe = { region: 'europe', multiaddrs: ['/dns4/e.example/tcp/443/wss/p2p/E'] };
const asia = { region: 'asia', multiaddrs: ['/dns4/a.example/tcp/443/wss/p2p/A'] };
const bootstrap = {
  region: 'europe',
  relay: { peer: 'E', multiaddrs: europe.multiaddrs },
  relays: [
    { url: 'https://e.example', ...europe },
    { url: 'https://a.example', ...asia },
    { url: 'https://s.example', region: 'south-america' },
  ],
};

describe('chooseRegion', () => {
  it('is where the address is, with the relays of that region first', () => {
    const client = { region: 'asia', regionSource: 'address' } as const;
    expect(chooseRegion({ ...bootstrap, client })).toEqual({
      region: 'asia',
      source: 'address',
      relays: [asia, europe],
    });
  });

  it('is what the person chose', () => {
    const client = { region: 'europe', regionSource: 'address' } as const;
    expect(chooseRegion({ ...bootstrap, client }, 'asia')).toMatchObject({ region: 'asia', source: 'override' });
  });

  it.each(['africa', 'south-america'] as const)('is not %s, where no relay can be dialled', (region) => {
    const client = { region: 'asia', regionSource: 'address' } as const;
    expect(chooseRegion({ ...bootstrap, client }, region)).toMatchObject({ region: 'asia', source: 'address' });
    expect(chooseRegion({ ...bootstrap, client: { ...client, region } })).toMatchObject({
      region: 'europe',
      source: 'relay',
      relays: [europe, asia],
    });
  });

  it('is the region of a relay that says nothing more', () => {
    const { region, relay } = bootstrap;
    expect(chooseRegion({ region, relay })).toEqual({ region: 'europe', source: 'relay', relays: [europe] });
  });
});
