import type { Connection, Libp2p } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import type { PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { withDeadline } from '../../wire/deadline.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import type { ChosenRelays } from '../chosen-relays.ts';
import { isByAddress, isSpare } from '../connection-kind.ts';
import { CONNECT_TIMEOUT_MS, STABLE_CONNECTION_MS } from '../constants.ts';
import { endConnection } from '../end-connection.ts';
import { peerName } from '../peer-name.ts';
import {
  MAX_FOREIGN_VISITS,
  MAX_RELAY_LINKS,
  MAX_RELAY_TRIES,
  MAX_REMEMBERED_NAMES,
  MAX_REMEMBERED_RELAYS,
  RELAY_RETRY_MS,
  RELAY_REVIEW_INTERVAL_MS,
  RELAY_SEARCH_INTERVAL_MS,
} from './constants.ts';
import type { Provider } from './dht.ts';
import { keepSlot } from './keep-slot.ts';
import { RecentTimes } from './recent-times.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import { byRelay, dialable, relayKey } from './relay-place.ts';
import type { RelayPlace } from './relay-place.ts';

export interface RelayLinksComponents {
  readonly node: Pick<Libp2p, 'dial' | 'getConnections'> & {
    readonly peerStore: Pick<Libp2p['peerStore'], 'delete'>;
    readonly services: { readonly chosenRelays: Omit<ChosenRelays, 'has' | 'keepSlotsIn'> };
  };
  /** The region of whoever is on the other side. @throws where that is no relay */
  askRegion(connection: Connection, options: { signal: AbortSignal }): Promise<string>;
  /** Relays of the own region that announced themselves, asked of the given ones. */
  findRelays(through: readonly Connection[], options: { signal: AbortSignal }): Promise<readonly Provider[]>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly logger?: StructuredLogger | undefined;
}

export interface RelayLinksInit {
  readonly region: string;
  /** Relays of any region, nearest first, or what finds them before every search that begins without a link. */
  readonly relays: readonly RelayPlace[] | (() => Promise<readonly RelayPlace[]>);
}

/**
 * Keeps a peer linked to up to `MAX_RELAY_LINKS` relays of its region: to those it is told of, and to those they and
 * the DHT know. Where none of them answers, relays of other regions are asked who is there now.
 *
 * One link is for the first of its region that it is told of: that of the page somebody opened. Strangers cannot take
 * that place. The others are those whose names come first, so that peers of one region meet at the same relays.
 */
export interface RelayLinks {
  start(): void;
  stop(): void;
  connected(): boolean;
  /** The relays that are linked now. */
  linked(): readonly PeerName[];
  /** Calls `listener` when a link comes or goes; returns what ends that. */
  subscribe(listener: () => void): () => void;
}

interface Link {
  readonly connection: Connection;
  readonly ended: AbortController;
}

export function createRelayLinks(components: RelayLinksComponents, { region, relays }: RelayLinksInit): RelayLinks {
  const { node, askRegion, findRelays, clock, random, logger } = components;
  const { chosenRelays } = node.services;
  const stopped = new AbortController();
  const listeners = new Set<() => void>();
  const links = new Map<PeerName, Link>();
  /** Relays of the region, heard of last at the end: for when none is connected. */
  const remembered = new Map<PeerName, RelayPlace>();
  const failedAtMs = new RecentTimes<string>(MAX_REMEMBERED_NAMES);
  let places: readonly RelayPlace[] = typeof relays === 'function' ? [] : relays;
  /** The first relay of the region that this peer was told of: by its key, and by its name once that is known. */
  let home: readonly string[] = [];
  let lost = new AbortController();
  let failures = 0;

  const notify = () => {
    for (const listener of Array.from(listeners)) listener();
  };

  const within = <Value>(work: (signal: AbortSignal) => Promise<Value>) =>
    withDeadline(
      { clock, ms: CONNECT_TIMEOUT_MS, error: () => new Error('No connection in time.'), signal: stopped.signal },
      work,
    );

  const inOrder = (one: string, other: string): number =>
    Number(home.includes(other)) - Number(home.includes(one)) || (one < other ? -1 : Number(one > other));
  const leastFailed = (one: string, other: string): number => failedAtMs.of(one) - failedAtMs.of(other) || 0;
  const last = () => [...links.keys()].sort(inOrder).at(-1);
  const isHomeLinked = () => home.length === 0 || home.some((key) => links.has(key as PeerName));

  const settleHome = () => {
    const [first] = places.filter((place) => place.region === region).map(relayKey);
    if (first === undefined) home = [];
    else if (!home.includes(first)) home = [first];
  };

  const remember = (relay: PeerName, { remoteAddr }: Connection) => {
    const address = remoteAddr.toString().replace(/\/p2p\/[^/]+$/, '');
    remembered.delete(relay);
    remembered.set(relay, { region, multiaddrs: [`${address}/p2p/${relay}`] });
    const [oldest] = remembered.keys();
    if (remembered.size > MAX_REMEMBERED_RELAYS && oldest !== undefined) remembered.delete(oldest);
  };

  const failed = (key: string, error: unknown) => {
    if (stopped.signal.aborted) return;
    failedAtMs.note(key, clock.now());
    // Whatever it was, this relay is worth another try later.
    logger?.info({ relay: key, message: String(error) }, 'relay not reached');
  };

  /** A connection to that address: one that stands to the same name may be another's doing, and no relay's. */
  const dial = (place: RelayPlace) =>
    within(async (signal) => {
      const addresses = dialable(place);
      const standing = await raceAbort(node.dial(addresses, { signal }), signal);
      if (isByAddress(standing)) return standing;
      const dialled = await raceAbort(node.dial(addresses, { signal, force: true }), signal);
      if (!isByAddress(dialled)) throw new Error('It cannot be dialled.');
      return dialled;
    });

  /** Ends a connection that is not needed; nothing of it stays that would be dialled again. */
  const drop = async (connection: Connection) => {
    const { remotePeer } = connection;
    await endConnection(connection);
    if (node.getConnections(remotePeer).some(({ status }) => status === 'open')) return;
    await node.peerStore.delete(remotePeer).catch(() => {}); // was not kept
  };

  const unlink = (relay: PeerName, { connection, ended }: Link) => {
    links.delete(relay);
    chosenRelays.delete(connection.remotePeer);
    ended.abort();
  };

  const hold = (relay: PeerName, connection: Connection) => {
    const sinceMs = clock.now();
    const link: Link = { connection, ended: new AbortController() };
    links.set(relay, link);
    chosenRelays.add(connection.remotePeer);
    connection.addEventListener(
      'close',
      () => {
        if (links.get(relay) !== link) return;
        unlink(relay, link);
        if (clock.now() - sinceMs >= STABLE_CONNECTION_MS) failures = 0;
        else failed(relay, new Error('It closed the connection at once.'));
        lost.abort();
        logger?.info({ relay }, 'connection to a relay closed');
        notify();
      },
      { once: true },
    );
    notify();
    const { signal } = link.ended;
    void keepSlot(
      { chosenRelays, clock, random, logger },
      connection.remotePeer,
      AbortSignal.any([signal, stopped.signal]),
    );
  };

  /** Whose link makes room for that of `relay`: the last in order that is not in use; for the home relay any. */
  const successorOf = (relay: PeerName): PeerName | undefined => {
    const after = [...links.keys()].filter((other) => inOrder(relay, other) < 0).sort(inOrder);
    const unused = after.findLast((other) => isSpare(links.get(other)!.connection));
    return unused ?? (home.includes(relay) ? after.at(-1) : undefined);
  };

  const take = (relay: PeerName, connection: Connection) => {
    if (links.size >= MAX_RELAY_LINKS) {
      const other = successorOf(relay);
      const link = other === undefined ? undefined : links.get(other);
      if (other === undefined || link === undefined) {
        void drop(connection);
        return;
      }
      unlink(other, link);
      void drop(link.connection);
    }
    hold(relay, connection);
  };

  const link = async ([key, place]: readonly [string, RelayPlace]) => {
    let connection: Connection | undefined;
    try {
      connection = await dial(place);
      const relay = peerName(connection.remotePeer);
      if (key === home[0]) home = [key, relay];
      if (links.has(relay)) return;
      const asked = connection;
      const found = await within((signal) => raceAbort(askRegion(asked, { signal }), signal));
      if (found !== region) throw new Error(`It is a relay of ${found}.`);
      if (connection.status !== 'open') throw new Error('It closed the connection at once.');
      remember(relay, connection);
      failedAtMs.forget(key);
      if (!links.has(relay)) take(relay, connection);
    } catch (error) {
      failed(key, error);
      // The same relay may have come by another of its addresses meanwhile.
      if (connection !== undefined && !links.has(peerName(connection.remotePeer))) await drop(connection);
    }
  };

  const isWanted = ([key, place]: readonly [string, RelayPlace]) => {
    const isResting = links.size > 0 && clock.now() - failedAtMs.of(key) < RELAY_RETRY_MS;
    if (links.has(key as PeerName) || isResting || dialable(place).length === 0) return false;
    return links.size < MAX_RELAY_LINKS || inOrder(key, last() ?? key) < 0;
  };

  /** Tries those that would be linked; after a failure not before others had their turn, but for the home relay. */
  const linkAll = async (candidates: Iterable<RelayPlace>) => {
    const tried = [...byRelay(candidates)]
      .filter(isWanted)
      .sort(
        ([one], [other]) =>
          Number(home.includes(other)) - Number(home.includes(one)) || leastFailed(one, other) || inOrder(one, other),
      );
    await Promise.all(tried.slice(0, MAX_RELAY_TRIES).map(link));
  };

  const findPlaces = async () => {
    if (typeof relays !== 'function') return;
    try {
      places = await within((signal) => raceAbort(relays(), signal));
    } catch (error) {
      logger?.info({ message: String(error) }, 'relays not found'); // those known from before are tried
    }
  };

  const known = () => [...places.filter((place) => place.region === region), ...remembered.values()];

  /** Ends what was dialled for a look-up: the DHT asks whoever it hears of, and stays connected. */
  const leaveOthers = async () => {
    const others = node
      .getConnections()
      .filter((other) => isByAddress(other) && !links.has(peerName(other.remotePeer)));
    await Promise.all(others.map(drop));
  };

  const findOthers = async (through: readonly Connection[]): Promise<RelayPlace[]> => {
    try {
      const found = await findRelays(through, { signal: stopped.signal });
      return found.map(({ multiaddrs }) => ({ region, multiaddrs }));
    } catch (error) {
      logger?.debug({ message: String(error) }, 'no relay knows another');
      return [];
    }
  };

  /** Links relays that one of another region knows. */
  const visit = async (place: RelayPlace) => {
    const key = relayKey(place);
    try {
      const connection = await dial(place);
      await linkAll(await findOthers([connection]));
      if (links.size === 0) throw new Error('It led to no relay of this region.');
    } catch (error) {
      failed(key, error);
    }
  };

  const search = async () => {
    if (links.size === 0) await findPlaces();
    settleHome();
    await linkAll(known());
    if (links.size > 0) {
      await linkAll([...known(), ...(await findOthers(Array.from(links.values(), ({ connection }) => connection)))]);
    }
    const abroad = places
      .filter((place) => place.region !== region)
      .sort((one, other) => leastFailed(relayKey(one), relayKey(other)));
    for (const place of abroad.slice(0, MAX_FOREIGN_VISITS)) {
      if (links.size === 0 && !stopped.signal.aborted) await visit(place);
    }
    await leaveOthers();
  };

  /** Resolves early, and never rejects, when nothing is to be waited for any more. */
  const pause = (ms: number, over: AbortSignal) =>
    clock.sleep(ms, AbortSignal.any([stopped.signal, over])).catch(() => {});

  const keepLinked = async () => {
    while (!stopped.signal.aborted) {
      lost = new AbortController();
      await search();
      const isComplete = links.size === MAX_RELAY_LINKS && isHomeLinked();
      const intervalMs = isComplete ? RELAY_REVIEW_INTERVAL_MS : RELAY_SEARCH_INTERVAL_MS;
      if (links.size > 0) await pause(intervalMs * (0.75 + random() / 2), lost.signal);
      if (links.size > 0 && !lost.signal.aborted) continue;
      await pause(reconnectDelayMs(failures, random()), stopped.signal);
      if (links.size === 0) failures += 1;
    }
  };

  return {
    start: () => void keepLinked(),
    stop: () => stopped.abort(),
    connected: () => links.size > 0,
    linked: () => [...links.keys()],
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
