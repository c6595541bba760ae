import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { askPlace, isPublic } from './ask-place.ts';
import { NotARelayError } from './describe-relay.ts';

const PEER = '12D3KooWC1xzMythdA48cMCwtBxB1gMuwYofr7e7TvNibbBENgMq';
const ADDRESS = '/dns4/relay.example/tcp/443/wss';
const live = new AbortController().signal;

/** As much of a connection as is looked at. */
function connection(direction: 'inbound' | 'outbound', address = `${ADDRESS}/p2p/${PEER}`) {
  const made = {
    direction,
    status: 'open',
    remotePeer: peerIdFromString(PEER),
    remoteAddr: multiaddr(address),
    aborted: false,
    abort: () => {
      made.aborted = true;
    },
  };
  return made;
}
type FakeConnection = ReturnType<typeof connection>;

/** A node that has `standing`, and makes `fresh` where it must dial anew. */
function ask(standing: FakeConnection, fresh: FakeConnection, said: { region: string } | Error, region?: string) {
  const node = {
    dial: async (_addresses: unknown, { force = false }: { force?: boolean } = {}) =>
      (force ? fresh : standing) as unknown as Connection,
  };
  const askRelay = async () => {
    if (said instanceof Error) throw said;
    return { v: 1 as const, serving: ['tiny'], ...said };
  };
  const claimed = { multiaddrs: [`/dns4/claimed.example/tcp/443/wss/p2p/${PEER}`] };
  return askPlace(
    { node, askRelay, region: 'local' },
    { ...claimed, ...(region === undefined ? {} : { region }) },
    live,
  );
}

describe('askPlace', () => {
  it('tells of a relay where it was dialled, not where it is said to be', async () => {
    const standing = connection('outbound');
    expect(await ask(standing, connection('outbound'), { region: 'asia' })).toEqual({
      peer: PEER,
      region: 'asia',
      multiaddrs: [`${ADDRESS}/p2p/${PEER}`],
      serving: ['tiny'],
    });
  });

  it('dials who is connected by its own doing: that proves no address', async () => {
    const inbound = connection('inbound', '/ip4/127.0.0.1/tcp/50000/ws');
    const relay = await ask(inbound, connection('outbound'), { region: 'asia' });
    expect(relay.multiaddrs).toEqual([`${ADDRESS}/p2p/${PEER}`]);
    await expect(ask(inbound, inbound, { region: 'asia' })).rejects.toThrow('cannot be dialled');
  });

  it('ends what it dialled where no relay answers, and nothing that others opened', async () => {
    const inbound = connection('inbound');
    const dialled = connection('outbound');
    await expect(ask(inbound, dialled, new NotARelayError())).rejects.toMatchObject({ code: 'not_a_relay' });
    await expect(ask(inbound, inbound, new NotARelayError())).rejects.toThrow();
    expect([inbound.aborted, dialled.aborted]).toEqual([false, true]);
  });

  it.each([
    ['another region than it was named for', { region: 'asia' }, 'europe'],
    ['a region that is on no map', { region: 'atlantis' }, undefined],
  ])('takes none of %s', async (_name, said, region) => {
    const dialled = connection('outbound');
    await expect(ask(dialled, dialled, said, region)).rejects.toThrow();
    expect(dialled.aborted).toBe(true);
  });

  it("takes the asking relay's own name for its place", async () => {
    const dialled = connection('outbound');
    expect(await ask(dialled, dialled, { region: 'local' })).toMatchObject({ region: 'local' });
  });

  it.each([
    ['/ip4/10.1.2.3/tcp/80/ws', false],
    ['/ip4/127.0.0.1/tcp/80/ws', false],
    ['/ip6/::1/tcp/80/ws', false],
    ['/dns4/localhost/tcp/80/ws', false],
    ['nonsense', false],
    ['/ip4/203.0.114.7/tcp/80/ws', true],
    ['/dns4/relay.example/tcp/443/wss', true],
  ])('%s leads outside: %s', (address, outside) => expect(isPublic(address)).toBe(outside));
});
