import { isIP } from 'node:net';

/** Where peers dial a relay whose site is at `url`: `http://localhost:8080` → `/dns4/localhost/tcp/8080/ws`. */
export function websocketMultiaddr(url: URL): string {
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : url.port;
  return `/${hostPart(url.hostname)}/tcp/${port}/${secure ? 'wss' : 'ws'}`;
}

/** The origin of the site at such an address, whatever follows it; undefined where it is none. */
export function siteOf(multiaddr: string): string | undefined {
  const [, kind, host = '', port, scheme] =
    /^\/(ip4|ip6|dns4|dns6|dns)\/([^/]+)\/tcp\/(\d+)\/(wss?|tls\/ws)(?:\/|$)/.exec(multiaddr) ?? [];
  if (kind === undefined) return undefined;
  const url = URL.parse(`${scheme === 'ws' ? 'http' : 'https'}://${kind === 'ip6' ? `[${host}]` : host}:${port}`);
  return url?.origin;
}

function hostPart(hostname: string): string {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 4) return `ip4/${bare}`;
  return isIP(bare) === 6 ? `ip6/${bare}` : `dns4/${bare}`;
}
