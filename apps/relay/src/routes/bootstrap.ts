import { isIP } from 'node:net';
import { Hono } from 'hono';
import type { BootstrapDocument, CatalogEntry, PeerName } from '@opengateway/core';

export interface BootstrapDependencies {
  readonly peer: PeerName;
  readonly region: string;
  readonly catalog: readonly CatalogEntry[];
  readonly publicUrl: URL | null;
  readonly iceServers: readonly string[];
}

/** `GET /bootstrap`: all a newcomer needs to join, with the relay's address as this client reaches it. */
export function bootstrap({ peer, region, catalog, publicUrl, iceServers }: BootstrapDependencies): Hono {
  return new Hono().get('/', (c) => {
    const url = publicUrl ?? requestOrigin(c.req.url, c.req.header('host'), c.req.header('x-forwarded-proto'));
    c.header('cache-control', 'no-store');
    return c.json({
      protocol: 1,
      relay: { peer, multiaddrs: [`${websocketMultiaddr(url)}/p2p/${peer}`] },
      region,
      catalog: [...catalog],
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

/** `http://localhost:8080` → `/dns4/localhost/tcp/8080/ws`. */
export function websocketMultiaddr(url: URL): string {
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : url.port;
  return `/${hostPart(url.hostname)}/tcp/${port}/${secure ? 'wss' : 'ws'}`;
}

function hostPart(hostname: string): string {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 4) return `ip4/${bare}`;
  return isIP(bare) === 6 ? `ip6/${bare}` : `dns4/${bare}`;
}
