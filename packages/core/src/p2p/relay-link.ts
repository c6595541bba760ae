import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Clock } from '../clock.ts';
import type { StructuredLogger } from '../inference/logger.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import {
  CONNECT_TIMEOUT_MS,
  MAX_RECONNECT_DELAY_MS,
  MAX_RELAY_ADDRESSES,
  MIN_RECONNECT_DELAY_MS,
  STABLE_CONNECTION_MS,
} from './constants.ts';

export interface RelayLinkComponents {
  readonly node: Pick<Libp2p, 'dial'>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly logger?: StructuredLogger | undefined;
}

export interface RelayLinkInit {
  /** Addresses of a relay, or what finds them before every dial. */
  readonly multiaddrs: readonly string[] | (() => Promise<readonly string[]>);
}

/** Keeps this node connected to a relay. */
export interface RelayLink {
  start(): void;
  stop(): void;
  connected(): boolean;
  /** Calls `listener` when the link comes or goes; returns what ends that. */
  subscribe(listener: (connected: boolean) => void): () => void;
}

export function createRelayLink(components: RelayLinkComponents, init: RelayLinkInit): RelayLink {
  const { node, clock, random, logger } = components;
  const { multiaddrs } = init;
  // A fixed address that cannot be parsed is a mistake to hear of at once.
  const fixed = typeof multiaddrs === 'function' ? undefined : parse(multiaddrs);
  const findAddresses = async () => fixed ?? (typeof multiaddrs === 'function' ? parse(await multiaddrs()) : []);
  const stopped = new AbortController();
  const listeners = new Set<(connected: boolean) => void>();
  let connected = false;

  const setConnected = (now: boolean) => {
    if (connected === now) return;
    connected = now;
    for (const listener of Array.from(listeners)) listener(now);
  };

  const within = <Value>(work: (signal: AbortSignal) => Promise<Value>) =>
    withDeadline(
      { clock, ms: CONNECT_TIMEOUT_MS, error: () => new Error('No connection in time.'), signal: stopped.signal },
      work,
    );

  /** One connection from dial to its end; how long it lived. */
  const connectOnce = async (): Promise<number> => {
    try {
      const connection = await within(async (signal) => {
        const addresses = await raceAbort(findAddresses(), signal);
        return node.dial(addresses, { signal });
      });
      const sinceMs = clock.now();
      setConnected(connection.status === 'open');
      await closed(connection);
      logger?.info({}, 'connection to the relay closed');
      return clock.now() - sinceMs;
    } catch (error) {
      // Whatever it was, the link is worth another try: this loop is all that brings the node back.
      if (!stopped.signal.aborted) logger?.info({ message: String(error) }, 'relay not reached');
      return 0;
    } finally {
      setConnected(false);
    }
  };

  const keepConnected = async () => {
    for (let failures = 0; !stopped.signal.aborted; failures += 1) {
      if ((await connectOnce()) >= STABLE_CONNECTION_MS) failures = 0;
      const delayMs = reconnectDelayMs(failures, random());
      await clock.sleep(delayMs, stopped.signal).catch(() => {}); // stopped: the loop ends
    }
  };

  return {
    start() {
      void keepConnected();
    },
    stop() {
      stopped.abort();
    },
    connected: () => connected,
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

const parse = (addresses: readonly string[]): Multiaddr[] =>
  addresses.slice(0, MAX_RELAY_ADDRESSES).map((address) => multiaddr(address));

const closed = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    connection.addEventListener('close', () => resolve(), { once: true });
    if (connection.status !== 'open' && connection.status !== 'closing') resolve();
  });
