import { Hono } from 'hono';
import { locateClient, readRegion, REGION_HEADER } from '../geo/locate-client.ts';
import { relaysNear } from '../known-relays.ts';
import { websocketMultiaddr } from '../relay-address.ts';
import type { BootstrapDocument, CatalogEntry, KnownRelay, PeerName } from '@opengateway/core';
import type { RelayEnv } from '../env.ts';
import type { CountryOf } from '../geo/country-database.ts';
import type { ReadClientAddress } from '../geo/read-client-address.ts';

export interface BootstrapDependencies {
  readonly peer: PeerName;
  readonly region: string;
  readonly catalog: readonly CatalogEntry[];
  readonly publicUrl: URL | null;
  readonly iceServers: readonly string[];
  readonly countryOf: CountryOf;
  readonly clientAddress: ReadClientAddress;
  /** Other relays. */
  readonly relays: () => readonly KnownRelay[];
  /** Models that can be answered with here now. */
  readonly serving: () => readonly string[];
}

/**
 * `GET /bootstrap`: all a newcomer needs to join, with the relay's address as this client reaches it, and where the
 * client is: by `?region=` or `x-opengateway-region`, else by its address.
 *
 * @throws InvalidRequestError for a region that is none.
 */
export function bootstrap(dependencies: BootstrapDependencies): Hono<RelayEnv> {
  const { peer, region, catalog, publicUrl, iceServers, clientAddress, relays, serving } = dependencies;
  return new Hono<RelayEnv>().get('/', (c) => {
    const url = publicUrl ?? requestOrigin(c.req.url, c.req.header('host'), c.req.header('x-forwarded-proto'));
    const override =
      readRegion(c.req.query('region'), 'region', region) ??
      readRegion(c.req.header(REGION_HEADER), REGION_HEADER, region);
    const client = locateClient(dependencies, clientAddress(c), override);
    const multiaddrs = [`${websocketMultiaddr(url)}/p2p/${peer}`];
    c.header('cache-control', 'no-store');
    return c.json({
      protocol: 1,
      relay: { peer, multiaddrs },
      region,
      client,
      relays: relaysNear(client.region, { region, url: url.origin, multiaddrs }, relays()),
      catalog: [...catalog],
      serving: [...serving()],
      iceServers: [...iceServers],
    } satisfies BootstrapDocument);
  });
}

/**
 * The address the client used. `X-Forwarded-Proto` is taken from anyone: the answer goes only to who sent
 * it and is not cached, so that a liar misleads nobody else.
 */
function requestOrigin(url: string, host: string | undefined, forwardedProto: string | undefined): URL {
  const origin = new URL(url);
  const named = host === undefined ? null : URL.parse(`${origin.protocol}//${host}`);
  const result = named ?? new URL(origin.origin);
  // A URL drops its scheme's default port, so that the new scheme's own is what remains.
  if (forwardedProto === 'https') result.protocol = 'https:';
  return result;
}
