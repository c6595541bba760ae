import type { Connection, Libp2p } from '@libp2p/interface';
import { REGIONS } from '../../capability/region.ts';
import type { Clock } from '../../clock.ts';
import type { ManifestHash, PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { withDeadline } from '../../wire/deadline.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import { DIAL_TIMEOUT_MS } from '../constants.ts';
import { peerName } from '../peer-name.ts';
import { createTurns } from '../turns.ts';
import {
  DHT_QUERY_TIMEOUT_MS,
  FIRST_RELAY_ROUND_MS,
  MAX_ASKED_AT_ONCE,
  MAX_KNOWN_OTHER_RELAYS,
  MAX_PROVIDED_MODELS,
  MAX_SOUGHT_MODELS,
  PROVIDE_INTERVAL_MS,
  RELAY_ROUND_MS,
  SEEK_INTERVAL_MS,
} from './constants.ts';
import type { RelayDescription } from './describe-relay.ts';
import { modelKey, regionKey } from './dht-keys.ts';
import type { Dht, Provider } from './dht.ts';
import { dialable, relayKey } from './relay-place.ts';
import type { RelayPlace } from './relay-place.ts';

/** Another relay, as it described itself a moment ago. */
export interface OtherRelay extends RelayPlace {
  readonly peer: PeerName;
  /** Names of the models that can be answered with there. */
  readonly serving: readonly string[];
}

/** A model that can be answered with at this relay now. */
export interface AnsweredModel {
  readonly id: string;
  readonly manifest: ManifestHash;
}

export interface RelayDirectoryComponents {
  readonly node: Pick<Libp2p, 'dial'>;
  readonly dht: Pick<Dht, 'meet' | 'provide' | 'findProviders'>;
  /** @throws where the other side is no relay */
  askRelay(connection: Connection, options: { signal: AbortSignal }): Promise<RelayDescription>;
  /** What this relay serves. */
  answered(): readonly AnsweredModel[];
  /** Models it would tell others where to find. */
  sought(): readonly ManifestHash[];
  readonly clock: Clock;
  readonly logger?: StructuredLogger | undefined;
}

export interface RelayDirectoryInit {
  /** This relay's. */
  readonly region: string;
  /** Relays to begin with: any one that answers leads to the others. */
  readonly relays: readonly RelayPlace[];
}

/** The relays of all regions, as far as this one knows. */
export interface RelayDirectory {
  start(): void;
  stop(): void;
  /** Those that answered in one of the last two rounds. */
  relays(): readonly OtherRelay[];
}

/**
 * Finds other relays by their addresses and in the DHT, asks each what it is, and announces this one there under its
 * region and under every model it serves. Nothing is believed of a relay but what it says itself over a connection.
 */
export function createRelayDirectory(
  { node, dht, askRelay, answered, sought, clock, logger }: RelayDirectoryComponents,
  { region, relays: configured }: RelayDirectoryInit,
): RelayDirectory {
  const stopped = new AbortController();
  const turns = createTurns({ atOnce: MAX_ASKED_AT_ONCE, waiting: MAX_KNOWN_OTHER_RELAYS });
  let known = new Map<PeerName, OtherRelay>();
  /** Who answers at the configured addresses: a dial without a name would end the connection that stands. */
  const names = new Map<string, PeerName>();
  const providedAtMs = new Map<string, number>();
  let missed = new Set<PeerName>();
  let soughtAtMs = -Infinity;

  const query = <Value>(work: (signal: AbortSignal) => Promise<Value>) =>
    withDeadline(
      { clock, ms: DHT_QUERY_TIMEOUT_MS, error: () => new Error('The look-up took too long.'), signal: stopped.signal },
      (signal) => raceAbort(work(signal), signal),
    );

  const askOnce = async (place: AskedPlace, signal: AbortSignal): Promise<OtherRelay> => {
    const multiaddrs = withName(place.multiaddrs, names.get(relayKey(place)));
    const connection = await raceAbort(node.dial(dialable({ multiaddrs }), { signal }), signal);
    const peer = peerName(connection.remotePeer);
    try {
      const said = await askRelay(connection, { signal });
      if (place.region !== undefined && said.region !== place.region)
        throw new Error(`It is a relay of ${said.region}, not of ${place.region}.`);
      await dht.meet(connection.remotePeer, { signal });
      return { peer, region: said.region, multiaddrs: withName(place.multiaddrs, peer), serving: said.serving };
    } catch (error) {
      // Whatever stands there now may be another one, or this connection is no good any more.
      connection.abort(error as Error);
      throw error;
    }
  };

  /** What is at an address; undefined where no relay answers there, or not the one that was expected. */
  const ask = async (place: AskedPlace) => {
    const key = relayKey(place);
    try {
      const relay = await turns.take(
        () =>
          withDeadline(
            { clock, ms: DIAL_TIMEOUT_MS, error: () => new Error('No answer in time.'), signal: stopped.signal },
            (signal) => askOnce(place, signal),
          ),
        { signal: stopped.signal, refused: () => new Error('Too many relays wait to be asked.') },
      );
      if (configured.some((each) => relayKey(each) === key)) names.set(key, relay.peer);
      return relay;
    } catch (error) {
      names.delete(key);
      if (!stopped.signal.aborted) logger?.debug({ relay: key, message: String(error) }, 'no relay there');
      return undefined;
    }
  };

  const askAll = async (places: Iterable<AskedPlace>) => {
    const answers = await Promise.all(Array.from(places, ask));
    return answers.filter((answer) => answer !== undefined);
  };

  const providers = async (key: Awaited<ReturnType<typeof regionKey>>) => {
    try {
      return await query((signal) => dht.findProviders(key, { signal }));
    } catch (error) {
      logger?.debug({ message: String(error) }, 'nothing found in the DHT');
      return [];
    }
  };

  const provide = async (name: string, key: Awaited<ReturnType<typeof regionKey>>) => {
    if (clock.now() - (providedAtMs.get(name) ?? -Infinity) < PROVIDE_INTERVAL_MS) return;
    try {
      await query((signal) => dht.provide(key, { signal }));
      providedAtMs.set(name, clock.now());
    } catch (error) {
      logger?.debug({ name, message: String(error) }, 'not announced in the DHT');
    }
  };

  const announce = async () => {
    const models = answered().slice(0, MAX_PROVIDED_MODELS);
    const current = new Set(['', ...models.map(({ manifest }) => manifest)]);
    for (const name of providedAtMs.keys()) if (!current.has(name)) providedAtMs.delete(name);
    await provide('', await regionKey(region));
    for (const { manifest } of models) await provide(manifest, modelKey(manifest));
  };

  const round = async () => {
    const met = await askAll(configured);
    if (known.size > 0 || met.length > 0) await announce();
    const keys = await Promise.all([...new Set([region, ...REGIONS])].map(regionKey));
    if (clock.now() - soughtAtMs >= SEEK_INTERVAL_MS) {
      soughtAtMs = clock.now();
      keys.push(...sought().slice(0, MAX_SOUGHT_MODELS).map(modelKey));
    }
    const found: Provider[] = [];
    for (const key of keys) found.push(...(await providers(key)));
    const candidates = new Map<PeerName, { readonly multiaddrs: readonly string[] }>();
    for (const place of [...known.values(), ...found]) {
      if (!met.some(({ peer }) => peer === place.peer)) candidates.set(place.peer, { multiaddrs: place.multiaddrs });
    }
    const others = await askAll([...candidates.values()].slice(0, MAX_KNOWN_OTHER_RELAYS));
    const before = known;
    const answers = new Map([...met, ...others].map((relay) => [relay.peer, relay]));
    // One that was slow once is still there; twice in a row it is not.
    const slow = [...before.values()].filter(({ peer }) => !answers.has(peer) && !missed.has(peer));
    missed = new Set(slow.map(({ peer }) => peer));
    known = new Map(
      [...answers.values(), ...slow].slice(0, MAX_KNOWN_OTHER_RELAYS).map((relay) => [relay.peer, relay]),
    );
    const isNews = [...known.keys()].some((peer) => !before.has(peer));
    // Whoever is new here may know others, and had no chance to hear of this relay before.
    if (isNews) providedAtMs.clear();
    return isNews;
  };

  const repeat = async () => {
    while (!stopped.signal.aborted) {
      const isNews = await round();
      const isLost = known.size === 0 && configured.length > 0;
      const waitMs = isNews || isLost ? FIRST_RELAY_ROUND_MS : RELAY_ROUND_MS;
      // Rejects only when stopped, which the loop's condition sees.
      await clock.sleep(waitMs, stopped.signal).catch(() => undefined);
    }
  };

  return {
    start: () => void repeat(),
    stop: () => stopped.abort(),
    relays: () => [...known.values()],
  };
}

interface AskedPlace {
  /** Where another answer counts as none. */
  readonly region?: string;
  readonly multiaddrs: readonly string[];
}

const withName = (multiaddrs: readonly string[], peer: PeerName | undefined): string[] =>
  multiaddrs.map((address) => (peer === undefined || address.includes('/p2p/') ? address : `${address}/p2p/${peer}`));
