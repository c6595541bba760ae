import type { Connection, Libp2p } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import type { PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { withDeadline } from '../../wire/deadline.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import {
  CONNECT_TIMEOUT_MS,
  MAX_RECONNECT_DELAY_MS,
  MIN_RECONNECT_DELAY_MS,
  STABLE_CONNECTION_MS,
} from '../constants.ts';
import { peerName } from '../peer-name.ts';
import {
  MAX_FOREIGN_VISITS,
  MAX_RELAY_LINKS,
  MAX_RELAY_TRIES,
  MAX_REMEMBERED_RELAYS,
  RELAY_RETRY_MS,
  RELAY_SEARCH_INTERVAL_MS,
} from './constants.ts';
import type { Provider } from './dht.ts';
import { dialable, relayKey } from './relay-place.ts';
import type { RelayPlace } from './relay-place.ts';

export interface RelayLinksComponents {
  readonly node: Pick<Libp2p, 'dial' | 'hangUp'> & { readonly peerStore: Pick<Libp2p['peerStore'], 'delete'> };
  /** The region of whoever is on the other side. @throws where that is no relay */
  askRegion(connection: Connection, options: { signal: AbortSignal }): Promise<string>;
  /** Relays of the own region that announced themselves, asked of the relays this node is connected to. */
  findRelays(options: { signal: AbortSignal }): Promise<readonly Provider[]>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly logger?: StructuredLogger | undefined;
}

export interface RelayLinksInit {
  readonly region: string;
  /** Relays of any region, nearest first, or what finds them before every search. */
  readonly relays: readonly RelayPlace[] | (() => Promise<readonly RelayPlace[]>);
}

/**
 * Keeps a peer linked to up to `MAX_RELAY_LINKS` relays of its region: to those it is told of, and to those they and
 * the DHT know. Where none of them answers, relays of other regions are asked who is there now.
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

export function createRelayLinks(components: RelayLinksComponents, { region, relays }: RelayLinksInit): RelayLinks {
  const { node, askRegion, findRelays, clock, random, logger } = components;
  const stopped = new AbortController();
  const listeners = new Set<() => void>();
  const links = new Map<PeerName, Connection>();
  /** Relays of the region, heard of last at the end: for when none is connected. */
  const remembered = new Map<string, RelayPlace>();
  const failedAtMs = new Map<string, number>();
  let places: readonly RelayPlace[] = typeof relays === 'function' ? [] : relays;
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

  const remember = (place: RelayPlace) => {
    const key = relayKey(place);
    remembered.delete(key);
    remembered.set(key, place);
    const [oldest] = remembered.keys();
    if (remembered.size > MAX_REMEMBERED_RELAYS && oldest !== undefined) remembered.delete(oldest);
  };

  const failed = (key: string, error: unknown) => {
    if (stopped.signal.aborted) return;
    failedAtMs.delete(key);
    failedAtMs.set(key, clock.now());
    const [oldest] = failedAtMs.keys();
    if (failedAtMs.size > MAX_REMEMBERED_RELAYS && oldest !== undefined) failedAtMs.delete(oldest);
    // Whatever it was, this relay is worth another try later.
    logger?.info({ relay: key, message: String(error) }, 'relay not reached');
  };

  const dial = (place: RelayPlace) => within((signal) => raceAbort(node.dial(dialable(place), { signal }), signal));

  /** The connection is not needed; nothing of it stays that would be dialled again. */
  const drop = async ({ remotePeer }: Connection) => {
    await node.hangUp(remotePeer).catch(() => {}); // gone by itself
    await node.peerStore.delete(remotePeer).catch(() => {}); // was not kept
  };

  const hold = (relay: PeerName, connection: Connection) => {
    const sinceMs = clock.now();
    links.set(relay, connection);
    const onClose = () => {
      if (links.get(relay) !== connection) return;
      links.delete(relay);
      if (clock.now() - sinceMs >= STABLE_CONNECTION_MS) failures = 0;
      lost.abort();
      logger?.info({ relay }, 'connection to a relay closed');
      notify();
    };
    connection.addEventListener('close', onClose, { once: true });
    if (connection.status !== 'open') onClose();
    else notify();
  };

  const link = async (place: RelayPlace) => {
    const key = relayKey(place);
    try {
      const connection = await dial(place);
      const relay = peerName(connection.remotePeer);
      if (links.has(relay)) return;
      const found = await within((signal) => askRegion(connection, { signal }));
      if (found !== region) {
        await drop(connection);
        throw new Error(`It is a relay of ${found}.`);
      }
      remember(place);
      failedAtMs.delete(key);
      if (links.size < MAX_RELAY_LINKS) hold(relay, connection);
      else await drop(connection);
    } catch (error) {
      failed(key, error);
    }
  };

  /** Tries those that are not linked, in their order; after a failure not before others had their turn. */
  const linkAll = async (candidates: Iterable<RelayPlace>) => {
    const untried = new Map<string, RelayPlace>();
    for (const place of candidates) {
      const key = relayKey(place);
      const isResting = clock.now() - (failedAtMs.get(key) ?? -Infinity) < RELAY_RETRY_MS && links.size > 0;
      if (!links.has(key as PeerName) && !isResting && dialable(place).length > 0) untried.set(key, place);
    }
    const lacking = MAX_RELAY_LINKS - links.size;
    await Promise.all([...untried.values()].slice(0, lacking > 0 ? MAX_RELAY_TRIES : 0).map(link));
  };

  const findPlaces = async () => {
    if (typeof relays !== 'function') return;
    try {
      places = await within((signal) => raceAbort(relays(), signal));
    } catch (error) {
      logger?.info({ message: String(error) }, 'relays not found'); // those known from before are tried
    }
  };

  const findOthers = async (): Promise<RelayPlace[]> => {
    try {
      const found = await findRelays({ signal: stopped.signal });
      return found.map(({ multiaddrs }) => ({ region, multiaddrs }));
    } catch (error) {
      logger?.debug({ message: String(error) }, 'no relay knows another');
      return [];
    }
  };

  /** Asks a relay of another region which relays this one has. */
  const visit = async (place: RelayPlace): Promise<RelayPlace[]> => {
    try {
      const connection = await dial(place);
      try {
        return await findOthers();
      } finally {
        if (!links.has(peerName(connection.remotePeer))) await drop(connection);
      }
    } catch (error) {
      failed(relayKey(place), error);
      return [];
    }
  };

  const search = async () => {
    if (links.size === 0) await findPlaces();
    await linkAll([...places.filter((place) => place.region === region), ...remembered.values()]);
    if (links.size > 0 && links.size < MAX_RELAY_LINKS) await linkAll(await findOthers());
    let visits = MAX_FOREIGN_VISITS;
    for (const place of places) {
      if (links.size > 0 || visits === 0) return;
      if (place.region === region) continue;
      visits -= 1;
      await linkAll(await visit(place));
    }
  };

  /** Resolves early, and never rejects, when nothing is to be waited for any more. */
  const pause = (ms: number, over: AbortSignal) =>
    clock.sleep(ms, AbortSignal.any([stopped.signal, over])).catch(() => {});

  const keepLinked = async () => {
    while (!stopped.signal.aborted) {
      lost = new AbortController();
      if (links.size < MAX_RELAY_LINKS) await search();
      if (links.size > 0) await pause(RELAY_SEARCH_INTERVAL_MS * (0.75 + random() / 2), lost.signal);
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

/** Exponential, bounded, and spread over its upper half, so that a region does not come back in one instant. */
export function reconnectDelayMs(failures: number, random: number): number {
  const fullMs = Math.min(MIN_RECONNECT_DELAY_MS * 2 ** Math.min(failures, 16), MAX_RECONNECT_DELAY_MS);
  return fullMs / 2 + (fullMs / 2) * random;
}
