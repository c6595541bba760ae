import { isRegion, MAX_KNOWN_RELAYS, nearestFirst, REGIONS } from '@opengateway/core';
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

/** Relays that the operator named, each with where it is dialled, and those that were found, each once. */
export function mergeRelays(configured: readonly KnownRelay[], found: readonly OtherRelay[]): KnownRelay[] {
  const merged = new Map(configured.map((relay) => [relay.url, relay]));
  for (const { region, multiaddrs } of found) {
    const url = multiaddrs.map(siteOf).find((site) => site !== undefined);
    if (url !== undefined) merged.set(url, { region, url, multiaddrs: [...multiaddrs] });
  }
  return [...merged.values()];
}

/** This relay and those it knows, nearest to `from` first, each once. */
export function relaysNear(from: string, self: KnownRelay, known: readonly KnownRelay[]): KnownRelay[] {
  const seen = new Set([self.url]);
  const others = known.filter(({ url }) => !seen.has(url) && seen.add(url));
  return nearestFirst([self, ...others], from).slice(0, MAX_KNOWN_RELAYS);
}
