import {
  isRegion,
  MAX_KNOWN_RELAY_ADDRESS_CHARS,
  MAX_KNOWN_RELAY_ADDRESSES,
  MAX_KNOWN_RELAYS,
  nearestFirst,
  REGIONS,
} from '@opengateway/core';
import { siteOf } from './relay-address.ts';
import type { KnownRelay } from '@opengateway/core';
import type { OtherRelay } from '@opengateway/core/p2p';

/**
 * `RELAYS`: other relays as `asia=https://a.example,europe=https://b.example`.
 *
 * @throws Error that names the entry that is wrong.
 */
export function parseRelays(text: string): readonly KnownRelay[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length >= MAX_KNOWN_RELAYS) throw new Error(`RELAYS must name fewer than ${MAX_KNOWN_RELAYS} relays.`);
  return entries.map(parseRelay);
}

function parseRelay(entry: string): KnownRelay {
  const [, region = '', address = ''] = /^([^=]*)=(.*)$/.exec(entry) ?? [];
  const url = URL.parse(address);
  if (!isRegion(region)) throw new Error(`RELAYS: '${entry}' must begin with one of ${REGIONS.join(', ')} and '='.`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw new Error(`RELAYS: '${entry}' must end with the address of a relay's site, without a path.`);
  }
  return { region, url: url.origin };
}

/** What is known of other relays. */
export interface RelaySources {
  /** The asking relay's own. */
  readonly region: string;
  /** Named by the operator. */
  readonly configured: readonly KnownRelay[];
  /** Each with the address at which it answered. */
  readonly found: readonly OtherRelay[];
}

/** Relays that the operator named, each with where it is dialled, and those that were found, each once. */
export function mergeRelays(sources: RelaySources): KnownRelay[] {
  const merged = new Map(sources.configured.map((relay) => [relay.url, relay]));
  for (const { relay } of foundSites(sources)) merged.set(relay.url, relay);
  return [...merged.values()];
}

/** Found relays that serve a model now; without a name those that serve any. */
export function relaysServing(sources: RelaySources, model?: string): KnownRelay[] {
  return foundSites(sources)
    .filter(({ serving }) => (model === undefined ? serving.length > 0 : serving.includes(model)))
    .map(({ relay }) => relay);
}

/** This relay and those it knows, nearest to `from` first, each once. */
export function relaysNear(from: string, self: KnownRelay, known: readonly KnownRelay[]): KnownRelay[] {
  const seen = new Set([self.url]);
  const others = known.filter(({ url }) => !seen.has(url) && seen.add(url));
  return nearestFirst([self, ...others].map(cut), from).slice(0, MAX_KNOWN_RELAYS);
}

/**
 * The sites of found relays. Anybody can be one of those: at an address that the operator named for a region only a
 * relay of that region counts, and nothing changes that entry but where it is dialled; elsewhere one of a real region,
 * and the first at each site.
 */
function foundSites({ region: own, configured, found }: RelaySources) {
  const named = new Map(configured.map(({ url, region }) => [url, region]));
  const sites = new Map<string, { readonly relay: KnownRelay; readonly serving: readonly string[] }>();
  for (const { region, serving, ...place } of found) {
    const multiaddrs = withinBounds(place.multiaddrs);
    const [url, ...others] = new Set(multiaddrs.map(siteOf).filter((site) => site !== undefined));
    if (url === undefined || sites.has(url)) continue;
    // Of several addresses only one was dialled, perhaps not that of the operator's entry.
    const isDoubtful = others.length > 0 && [url, ...others].some((site) => named.has(site));
    const isOfRegion = named.has(url) ? named.get(url) === region : isRegion(region) || region === own;
    if (!isDoubtful && isOfRegion) sites.set(url, { relay: { region, url, multiaddrs }, serving });
  }
  return [...sites.values()];
}

/** As many of a relay's addresses as `bootstrapSchema` takes. */
const withinBounds = (multiaddrs: readonly string[]): string[] =>
  multiaddrs.filter((address) => address.length <= MAX_KNOWN_RELAY_ADDRESS_CHARS).slice(0, MAX_KNOWN_RELAY_ADDRESSES);

const cut = (relay: KnownRelay): KnownRelay =>
  relay.multiaddrs === undefined ? relay : { ...relay, multiaddrs: withinBounds(relay.multiaddrs) };
