import { bootstrapSchema } from '@opengateway/core';
import type { PeerName } from '@opengateway/core';
import type { OtherRelay } from '@opengateway/core/p2p';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeRelays, relaysNear, relaysServing } from './known-relays.ts';

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

const foundAt = (host: string, region: string, serving: readonly string[] = [], more: readonly string[] = []) =>
  ({
    peer: host as PeerName,
    region,
    multiaddrs: [`/dns4/${host}/tcp/443/wss/p2p/${host}`, ...more],
    serving,
  }) satisfies OtherRelay;
const asia = { region: 'asia', url: 'https://asia.example' };
const sourcesOf = (found: readonly OtherRelay[]) => ({ region: 'local', configured: [asia], found });
const merge = (...found: OtherRelay[]) => mergeRelays(sourcesOf(found));

describe('mergeRelays', () => {
  const dialled = { ...asia, multiaddrs: ['/dns4/asia.example/tcp/443/wss/p2p/asia.example'] };

  it('adds to an entry of the operator where it is dialled, and further relays', () => {
    expect(
      merge(foundAt('asia.example', 'asia'), foundAt('new.example', 'africa'), foundAt('near.example', 'local')),
    ).toMatchObject([dialled, { region: 'africa', url: 'https://new.example' }, { url: 'https://near.example' }]);
  });

  it("leaves an entry of the operator as it is, whatever strangers say of that relay's address", () => {
    const multiaddrs = ['/dns4/asia.example/tcp/443/wss/p2p/stranger'];
    expect(merge(foundAt('asia.example', 'africa'))).toEqual([asia]);
    expect(merge(foundAt('stranger.example', 'asia', [], multiaddrs))).toEqual([asia]);
    const claimed = { ...foundAt('stranger', 'asia'), multiaddrs: [...multiaddrs, '/dns4/stranger/tcp/443/wss'] };
    expect(merge(claimed)).toEqual([asia]);
    expect(merge(foundAt('asia.example', 'asia'), { ...claimed, multiaddrs })).toEqual([dialled]);
  });

  it('leaves out relays of no region, and those without a site', () => {
    expect(merge(foundAt('a.example', 'atlantis'), foundAt('b.example', 'x'.repeat(65)))).toEqual([asia]);
    expect(merge({ ...foundAt('c.example', 'asia'), multiaddrs: ['/ip4/127.0.0.1/tcp/1'] })).toEqual([asia]);
  });

  it('with relaysNear never says what the schema of the document leaves out', () => {
    const address = fc.oneof(
      fc.constantFrom('/dns4/a.example/tcp/443/wss', `/dns4/b.example/tcp/443/wss/${'x'.repeat(600)}`),
      fc.string({ maxLength: 600 }),
    );
    const found = fc.record({
      peer: fc.constant('p' as PeerName),
      region: fc.oneof(fc.constantFrom('asia', 'local'), fc.string()),
      multiaddrs: fc.array(address, { maxLength: 40 }),
      serving: fc.constant([]),
    });
    fc.assert(
      fc.property(fc.array(found, { maxLength: 100 }), (relays) => {
        const near = relaysNear('asia', self, mergeRelays(sourcesOf(relays)));
        const document = { protocol: 1, relay: { peer: 'R', multiaddrs: [] }, region: 'local', catalog: [] };
        expect(bootstrapSchema.parse({ ...document, relays: near }).relays).toEqual(near);
      }),
    );
  });
});

describe('relaysServing', () => {
  it('names the relays of a model, or those of any', () => {
    const sources = sourcesOf([
      foundAt('asia.example', 'asia', ['tiny']),
      foundAt('b.example', 'africa', ['large']),
      foundAt('c.example', 'africa'),
    ]);
    const urls = (model?: string) => relaysServing(sources, model).map(({ url }) => url);
    expect(urls('tiny')).toEqual(['https://asia.example']);
    expect(urls('none')).toEqual([]);
    expect(urls()).toEqual(['https://asia.example', 'https://b.example']);
  });
});
