import { clientAddress } from './trusted-proxies.ts';
import type { Context } from 'hono';
import type { RelayEnv } from '../env.ts';
import type { IpAddress } from './ip-address.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** The address of whoever sent a request; undefined where it cannot be known. Kept by nobody, logged nowhere. */
export type ReadClientAddress = (c: Context<RelayEnv>) => IpAddress | undefined;

/** How this relay learns addresses: behind a proxy that nobody named as trusted, not at all. */
export function clientAddressReader(config: {
  readonly trustedProxies: TrustedProxies | null;
  readonly publicUrl: URL | null;
}): ReadClientAddress {
  const { trustedProxies, publicUrl } = config;
  // The socket's is the proxy's own then.
  if (trustedProxies === null && publicUrl !== null) return () => undefined;
  return (c) => {
    // Under `app.request` there is no environment at all.
    const incoming = (c.env as RelayEnv['Bindings'] | undefined)?.incoming;
    return clientAddress(incoming?.socket.remoteAddress, c.req.header('x-forwarded-for'), trustedProxies);
  };
}
