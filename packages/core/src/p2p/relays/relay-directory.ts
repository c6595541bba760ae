import { peerIdFromString } from '@libp2p/peer-id';
import { REGIONS } from '../../capability/region.ts';
import type { Clock } from '../../clock.ts';
import type { ManifestHash, PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { withDeadline } from '../../wire/deadline.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import { DIAL_TIMEOUT_MS } from '../constants.ts';
import { createTurns } from '../turns.ts';
import { askPlace, isPublic } from './ask-place.ts';
import type { AskedPlace, AskPlaceComponents } from './ask-place.ts';
import {
  DESCRIBE_TIMEOUT_MS,
  DHT_QUERY_TIMEOUT_MS,
  FIRST_RELAY_ROUND_MS,
  MAX_ASKED_AT_ONCE,
  MAX_KNOWN_OTHER_RELAYS,
  MAX_PROVIDED_MODELS,
  MAX_REMEMBERED_NAMES,
  MAX_SOUGHT_MODELS,
  OLD_NEWS_MS,
  PROVIDE_INTERVAL_MS,
  RELAY_ROUND_MS,
  SEEK_INTERVAL_MS,
} from './constants.ts';
import { modelKey, regionKey } from './dht-keys.ts';
import type { Dht, Provider } from './dht.ts';
import { RecentTimes } from './recent-times.ts';
import { relayKey } from './relay-place.ts';
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

export interface RelayDirectoryComponents extends Pick<AskPlaceComponents, 'node' | 'askRelay'> {
  readonly dht: Pick<Dht, 'meet' | 'provide' | 'findProviders'>;
  /** What this relay serves. */
  answered(): readonly AnsweredModel[];
  /** Models it would tell others where to find. */
  sought(): readonly ManifestHash[];
  /** Where others are told to dial it. */
  addresses(): readonly string[];
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
 * region and under every model it serves. Nothing is believed of a relay but what it says itself, at an address where
 * it was dialled.
 */
export function createRelayDirectory(
  { node, dht, askRelay, answered, sought, addresses, clock, logger }: RelayDirectoryComponents,
  { region, relays: configured }: RelayDirectoryInit,
): RelayDirectory {
  const stopped = new AbortController();
  const asking = createTurns({ atOnce: MAX_ASKED_AT_ONCE, waiting: MAX_KNOWN_OTHER_RELAYS });
  const seeking = createTurns({ atOnce: MAX_ASKED_AT_ONCE, waiting: MAX_SOUGHT_MODELS + REGIONS.length });
  let known = new Map<PeerName, OtherRelay>();
  /** Who answers at the configured addresses: a dial without a name would end the connection that stands. */
  const names = new Map<string, PeerName>();
  const providedAtMs = new Map<string, number>();
  /** When relays were heard last, and when those that did not answer were asked. */
  const heardAtMs = new RecentTimes<PeerName>(MAX_REMEMBERED_NAMES);
  const failedAtMs = new RecentTimes<string>(MAX_REMEMBERED_NAMES);
  let missed = new Set<PeerName>();
  let soughtAtMs = -Infinity;

  const within = <Value>(ms: number, work: (signal: AbortSignal) => Promise<Value>) =>
    withDeadline({ clock, ms, error: () => new Error('No answer in time.'), signal: stopped.signal }, work);
  const line = { signal: stopped.signal, refused: () => new Error('Too many relays wait to be asked.') };

  /** What is at an address; undefined where no relay answers there, or not the one that was expected. */
  const ask = async (place: AskedPlace): Promise<OtherRelay | undefined> => {
    const key = relayKey(place);
    const named = { ...place, multiaddrs: withName(place.multiaddrs, names.get(key)) };
    try {
      const relay = await asking.take(
        () => within(DIAL_TIMEOUT_MS, (signal) => askPlace({ node, askRelay, region }, named, signal)),
        line,
      );
      if (configured.some((each) => relayKey(each) === key)) names.set(key, relay.peer);
      failedAtMs.forget(key);
      // Not needed for the answer: it may be slow to take part.
      await within(DESCRIBE_TIMEOUT_MS, (signal) => dht.meet(peerIdFromString(relay.peer), { signal })).catch(() => {});
      return relay;
    } catch (error) {
      names.delete(key);
      failedAtMs.note(key, clock.now());
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
      // What was found when the time is up counts.
      return await seeking.take(
        () => within(DHT_QUERY_TIMEOUT_MS, (signal) => dht.findProviders(key, { signal })),
        line,
      );
    } catch (error) {
      logger?.debug({ message: String(error) }, 'nothing found in the DHT');
      return [];
    }
  };

  const provide = async (name: string, key: Awaited<ReturnType<typeof regionKey>>) => {
    if (clock.now() - (providedAtMs.get(name) ?? -Infinity) < PROVIDE_INTERVAL_MS) return;
    try {
      await within(DHT_QUERY_TIMEOUT_MS, (signal) => raceAbort(dht.provide(key, { signal }), signal));
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

  const failed = (place: AskedPlace): number => failedAtMs.of(relayKey(place));

  /** Whom to ask: those that are known, then those that were found, who did not answer last at the end. */
  const candidates = (found: readonly Provider[], met: ReadonlySet<PeerName>): AskedPlace[] => {
    const isOutside = addresses().some(isPublic);
    const places = new Map<PeerName, AskedPlace>();
    for (const { peer, multiaddrs } of found) {
      // Who says that a relay is inside of this network is a stranger: a public relay looks outside only.
      const usable = isOutside ? multiaddrs.filter(isPublic) : multiaddrs;
      if (usable.length > 0 && !met.has(peer)) places.set(peer, { multiaddrs: usable });
    }
    for (const { peer, multiaddrs } of known.values()) if (!met.has(peer)) places.set(peer, { multiaddrs });
    return [...places.values()].sort((a, b) => compare(failed(a), failed(b))).slice(0, MAX_KNOWN_OTHER_RELAYS);
  };

  const round = async () => {
    const met = await askAll(configured);
    if (known.size > 0 || met.length > 0) await announce();
    const keys = await Promise.all([...new Set([region, ...REGIONS])].map(regionKey));
    if (clock.now() - soughtAtMs >= SEEK_INTERVAL_MS) {
      soughtAtMs = clock.now();
      keys.push(...sought().slice(0, MAX_SOUGHT_MODELS).map(modelKey));
    }
    const found = (await Promise.all(keys.map(providers))).flat();
    const others = await askAll(candidates(found, new Set(met.map(({ peer }) => peer))));
    const before = known;
    const answers = new Map([...met, ...others].map((relay) => [relay.peer, relay]));
    // One that was slow once is still there; twice in a row it is not.
    const slow = [...before.values()].filter(({ peer }) => !answers.has(peer) && !missed.has(peer));
    missed = new Set(slow.map(({ peer }) => peer));
    known = new Map(
      [...answers.values(), ...slow].slice(0, MAX_KNOWN_OTHER_RELAYS).map((relay) => [relay.peer, relay]),
    );
    // Whoever is new here may know others, and had no chance to hear of this relay before.
    const nowMs = clock.now();
    const isNews = [...answers.keys()].some((peer) => nowMs - heardAtMs.of(peer) >= OLD_NEWS_MS);
    for (const peer of answers.keys()) heardAtMs.note(peer, nowMs);
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

const compare = (a: number, b: number): number => (a === b ? 0 : a - b);

const withName = (multiaddrs: readonly string[], peer: PeerName | undefined): string[] =>
  multiaddrs.map((address) => (peer === undefined || address.includes('/p2p/') ? address : `${address}/p2p/${peer}`));
