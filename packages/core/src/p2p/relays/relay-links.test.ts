import type { Connection, PeerId } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../testing/fake-clock.ts';
import { randomPeer } from '../connections.fixture.ts';
import { MAX_RECONNECT_DELAY_MS, MIN_RECONNECT_DELAY_MS } from '../constants.ts';
import {
  MAX_FOREIGN_VISITS,
  MAX_RELAY_LINKS,
  MAX_RELAY_TRIES,
  RELAY_RETRY_MS,
  RELAY_REVIEW_INTERVAL_MS,
  RELAY_SEARCH_INTERVAL_MS,
  SLOT_CHECK_INTERVAL_MS,
} from './constants.ts';
import { createRelayLinks } from './relay-links.ts';
import type { RelayLinks, RelayLinksInit } from './relay-links.ts';
import type { RelayPlace } from './relay-place.ts';

/** As much of a connection as is looked at. */
class FakeConnection extends EventTarget {
  status = 'open';
  readonly limits = undefined;
  readonly direction: string;
  readonly remotePeer: PeerId;
  readonly remoteAddr: Multiaddr;
  streams: { protocol: string }[] = [];

  constructor(peer: PeerId, address: string, direction = 'outbound') {
    super();
    this.remotePeer = peer;
    this.remoteAddr = multiaddr(address);
    this.direction = direction;
  }

  async close(): Promise<void> {
    this.abort();
  }

  abort(): void {
    this.status = 'aborted';
    this.dispatchEvent(new Event('close'));
  }
}

/** What is at an address: nothing at all, somebody silent, or a relay of a region. */
interface Host {
  region?: string;
  /** Settles before it answers what it is. */
  ready?: Promise<void>;
  /** Relays of `europe` that it knows. */
  knows?: readonly number[];
  refusesSlots?: boolean;
}

let ids: PeerId[];
let clock: FakeClock;
let hosts: Map<string, Host>;
let connections: FakeConnection[];
let dialled: number[];
let slots: Set<string>;
let asked: number;
let chosen: Set<string>;
let links: RelayLinks;

/** Relays are numbered in the order of their names. */
const name = (index: number) => String(ids[index]);
const numbered = (names: Iterable<string>) => Array.from(names, (each) => ids.findIndex((id) => String(id) === each));
const address = (index: number) => `/ip4/10.0.0.${index + 1}/tcp/80/ws/p2p/${name(index)}`;
const place = (index: number, region = 'europe'): RelayPlace => ({ region, multiaddrs: [address(index)] });
const at = (index: number, host: Host = { region: 'europe' }) => hosts.set(name(index), host);
const tries = (index: number) => dialled.filter((each) => each === index).length;
const between = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const open = () => connections.filter(({ status }) => status === 'open');
const openTo = () => numbered(open().map(({ remotePeer }) => String(remotePeer))).toSorted((a, b) => a - b);
const linked = () => numbered(links.linked()).toSorted((a, b) => a - b);

beforeAll(async () => {
  const made = await Promise.all(Array.from({ length: 24 }, randomPeer));
  ids = made.toSorted((one, other) => (String(one) < String(other) ? -1 : 1));
});

beforeEach(() => {
  clock = new FakeClock();
  hosts = new Map();
  connections = [];
  dialled = [];
  slots = new Set();
  chosen = new Set();
  asked = 0;
});

afterEach(() => links.stop());

const rest = async () => {
  for (let turn = 0; turn < 12; turn++) await settle();
};
const pass = async (ms = 0) => {
  await rest();
  await clock.advance(ms);
  await rest();
};

const hostOf = ({ remotePeer }: Connection) => hosts.get(String(remotePeer));

async function begin(relays: RelayLinksInit['relays']): Promise<void> {
  links = createRelayLinks(
    {
      node: {
        dial: async (addresses: unknown, { force = false }: { force?: boolean } = {}) => {
          const [first] = addresses as Multiaddr[];
          const index = numbered([String(first).split('/p2p/')[1] ?? ''])[0] ?? -1;
          const id = ids[index];
          const standing = open().find(({ remotePeer }) => remotePeer === id);
          if (standing !== undefined && !force) return standing as unknown as Connection;
          dialled.push(index);
          if (id === undefined || !hosts.has(String(id))) throw new Error('Nobody is there.');
          const made = new FakeConnection(id, String(first));
          connections.push(made);
          return made as unknown as Connection;
        },
        getConnections: (peer) =>
          open().filter(({ remotePeer }) => peer === undefined || remotePeer === peer) as unknown as Connection[],
        peerStore: { delete: async () => {} },
        services: {
          chosenRelays: {
            add: (relay) => void chosen.add(String(relay)),
            delete: (relay) => {
              chosen.delete(String(relay));
              slots.delete(String(relay));
            },
            hasSlot: (relay) => slots.has(String(relay)),
            requestSlot: async (relay) => {
              asked += 1;
              if (hosts.get(String(relay))?.refusesSlots === true) throw new Error('Full.');
              slots.add(String(relay));
            },
          },
        },
      },
      askRegion: async (connection) => {
        const host = hostOf(connection);
        await host?.ready;
        if (host?.region === undefined) throw new Error('No relay.');
        return host.region;
      },
      findRelays: async (through) => {
        // The DHT asks on its own whom it hears of.
        const known = through.flatMap((connection) => hostOf(connection)?.knows ?? []);
        for (const index of known.filter((each) => hosts.has(name(each)) && !openTo().includes(each))) {
          connections.push(new FakeConnection(ids[index]!, address(index)));
        }
        return known.map((index) => ({ peer: name(index) as never, multiaddrs: [address(index)] }));
      },
      clock,
      random: () => 0.5,
    },
    { region: 'europe', relays },
  );
  links.start();
  await pass();
}

describe('a choice of relays', () => {
  it('is the first of the region that the peer is told of, and those whose names come first', async () => {
    at(9, { region: 'europe', knows: between(0, 6) });
    for (const index of between(0, 6)) at(index);
    await begin([place(9)]);
    expect(linked()).toEqual([0, 1, 9]);
    expect(openTo()).toEqual([0, 1, 9]);
    expect(numbered(chosen).toSorted((a, b) => a - b)).toEqual([0, 1, 9]);
  });

  it('is the same, but for the first, whoever tells of which relays', async () => {
    const all = between(0, 6);
    for (const index of all) at(index, { region: 'europe', knows: all });
    await begin(between(0, 3).map((index) => place(index)));
    const some = linked();
    links.stop();
    connections = [];
    await begin(between(3, 6).map((index) => place(index)));
    expect(some.filter((index) => linked().includes(index))).toHaveLength(2);
  });

  it('keeps the place of the first, however many answer before it', async () => {
    const late = Promise.withResolvers<void>();
    at(9, { region: 'europe', ready: late.promise });
    for (const index of between(0, 5)) at(index, { region: 'europe', knows: between(0, 5) });
    await begin([9, ...between(0, 5)].map((index) => place(index)));
    expect(linked()).toEqual([0, 1, 2]);
    for (const connection of open()) connection.streams = [{ protocol: '/busy/1.0.0' }];
    late.resolve();
    await pass();
    expect(linked()).toEqual([0, 1, 9]);
    expect(openTo()).toEqual([0, 1, 9]);
  });

  it('gives the first its place back when it comes again', async () => {
    for (const index of between(0, 3)) at(index);
    await begin([9, 0, 1, 2].map((index) => place(index)));
    expect(linked()).toEqual([0, 1, 2]);
    at(9);
    await pass(RELAY_SEARCH_INTERVAL_MS * 2);
    expect(linked()).toEqual([0, 1, 9]);
  });

  it('gets better as more relays come, but ends no link in use', async () => {
    for (const index of between(6, 9)) at(index, { region: 'europe', knows: between(0, 9) });
    await begin([place(6)]);
    expect(linked()).toEqual([6, 7, 8]);
    open().find(({ remotePeer }) => remotePeer === ids[8])!.streams = [{ protocol: '/opengateway/inference/1.0.0' }];
    at(0);
    at(1);
    await pass(RELAY_REVIEW_INTERVAL_MS);
    expect(linked()).toEqual([0, 6, 8]);
    open().forEach((connection) => (connection.streams = []));
    await pass(RELAY_REVIEW_INTERVAL_MS);
    expect(linked()).toEqual([0, 1, 6]);
  });
});

describe('a relay that is of no use', () => {
  it('is left at once where it does not say what it is, or is of another region', async () => {
    at(0);
    at(1, {});
    at(2, { region: 'asia' });
    await begin([0, 1, 2].map((index) => place(index)));
    expect(linked()).toEqual([0]);
    expect(openTo()).toEqual([0]);
    expect(numbered(chosen)).toEqual([0]);
  });

  it('has rest while another is linked', async () => {
    at(0);
    await begin([0, 1].map((index) => place(index)));
    expect(tries(1)).toBe(1);
    open()[0]!.abort();
    await pass(MIN_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([0]);
    const before = tries(1);
    await pass(RELAY_RETRY_MS - MIN_RECONNECT_DELAY_MS);
    expect(tries(1)).toBe(before);
    await pass(RELAY_SEARCH_INTERVAL_MS * 2);
    expect(tries(1)).toBeGreaterThan(before);
  });

  it('has rest when it closes every connection at once', async () => {
    at(0);
    at(1);
    await begin([0, 1].map((index) => place(index)));
    open()
      .find(({ remotePeer }) => remotePeer === ids[0])!
      .abort();
    await pass(RELAY_RETRY_MS - MIN_RECONNECT_DELAY_MS);
    expect(tries(0)).toBe(1);
    expect(linked()).toEqual([1]);
    await pass(RELAY_SEARCH_INTERVAL_MS * 2);
    expect(linked()).toEqual([0, 1]);
  });

  it('is asked ever more rarely where there is no other', async () => {
    at(0);
    await begin([place(0)]);
    for (let second = 0; second < 300; second++) {
      open()[0]?.abort();
      await pass(1_000);
    }
    const before = dialled.length;
    expect(before).toBeLessThan(25);
    for (let second = 0; second < 300; second++) {
      open()[0]?.abort();
      await pass(1_000);
    }
    expect(dialled.length - before).toBeLessThanOrEqual(300_000 / (MAX_RECONNECT_DELAY_MS / 2));
    // One that stays makes it begin anew.
    await pass(MAX_RECONNECT_DELAY_MS * 2);
    expect(linked()).toEqual([0]);
    open()[0]!.abort();
    await pass(MIN_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([0]);
  });

  it('keeps no other from its turn, however many are dead', async () => {
    const dead = between(0, 2 * MAX_RELAY_TRIES);
    at(20);
    await begin([...dead, 20].map((index) => place(index)));
    expect(dialled).toHaveLength(MAX_RELAY_TRIES);
    for (let search = 0; search < 3; search++) await pass(MAX_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([20]);
  });

  it('is nobody whose connection somebody else opened: that one stays', async () => {
    at(0);
    const contributor = new FakeConnection(ids[1]!, '/webrtc', 'inbound');
    connections.push(contributor);
    await begin([0, 1].map((index) => place(index)));
    expect(linked()).toEqual([0]);
    expect(contributor.status).toBe('open');
  });
});

describe('relays that are not found', () => {
  it('are those of before, where their addresses cannot be found any more', async () => {
    at(0);
    at(1);
    let isThere = true;
    await begin(async () => {
      if (!isThere) throw new Error('The bootstrap is gone.');
      return [place(0), place(1)];
    });
    expect(linked()).toEqual([0, 1]);
    isThere = false;
    at(0, {});
    open().forEach((connection) => connection.abort());
    await pass(MIN_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([1]);
  });

  it('are looked for again, where nothing was found at first', async () => {
    at(0);
    let found: readonly RelayPlace[] = [];
    await begin(async () => {
      if (found.length === 0) throw new Error('Not yet.');
      return found;
    });
    expect(links.connected()).toBe(false);
    found = [{ region: 'europe', multiaddrs: ['nonsense'] }, place(0)];
    await pass(MAX_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([0]);
  });

  it('are asked of relays abroad, of each in its turn, which are left again', async () => {
    const abroad = between(10, 10 + MAX_FOREIGN_VISITS + 1);
    for (const index of abroad) at(index, { region: 'asia' });
    at(abroad.at(-1)!, { region: 'asia', knows: [0] });
    at(0, { region: 'europe', knows: [] });
    await begin(abroad.map((index) => place(index, 'asia')));
    expect(dialled).toEqual(abroad.slice(0, MAX_FOREIGN_VISITS));
    expect(open()).toEqual([]);
    await pass(MAX_RECONNECT_DELAY_MS);
    expect(linked()).toEqual([0]);
    expect(openTo()).toEqual([0]);
  });

  it('are not asked of relays abroad while one of the region is linked', async () => {
    at(0);
    at(1, { region: 'asia', knows: [2] });
    await begin([place(0), place(1, 'asia')]);
    await pass(RELAY_SEARCH_INTERVAL_MS * 2);
    expect(dialled).not.toContain(1);
  });
});

describe('a slot', () => {
  it('that is refused is asked for again, ever more rarely, until it is given', async () => {
    at(0, { region: 'europe', refusesSlots: true });
    await begin([place(0)]);
    expect(asked).toBe(1);
    await pass(MAX_RECONNECT_DELAY_MS);
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(9);
    at(0);
    await pass(MAX_RECONNECT_DELAY_MS);
    expect(numbered(slots)).toEqual([0]);
    const before = asked;
    await pass(2 * SLOT_CHECK_INTERVAL_MS);
    expect(asked).toBe(before);
  });

  it('that is lost while the link stands is asked for again', async () => {
    at(0);
    await begin([place(0)]);
    slots.clear();
    await pass(SLOT_CHECK_INTERVAL_MS);
    expect(numbered(slots)).toEqual([0]);
  });

  it('is asked for at links alone, and not any more when they end', async () => {
    for (const index of between(0, 6)) at(index);
    at(6, {});
    await begin(between(0, 7).map((index) => place(index)));
    expect(numbered(slots).toSorted((a, b) => a - b)).toEqual(linked());
    expect(linked()).toHaveLength(MAX_RELAY_LINKS);
    links.stop();
    await pass();
    expect(clock.sleeping).toBe(0);
  });
});
