import { HostNotAllowedError } from '../errors.ts';
import type { MiddlewareHandler } from 'hono';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

export type HostCheck = (host: string | undefined) => boolean;

/**
 * Which `Host` (and, for upgrades, `Origin`) a relay answers to.
 *
 * On loopback only its own names: a page whose DNS name was rebound to 127.0.0.1 carries that name here.
 * The port is not looked at, so that forwarded ports work.
 */
export function hostCheck({ loopback, publicUrl }: { loopback: boolean; publicUrl: URL | null }): HostCheck {
  if (!loopback) return () => true;
  return (host) => {
    const name = URL.parse(`http://${host ?? ''}`)?.hostname;
    return name !== undefined && (LOOPBACK_NAMES.has(name) || name === publicUrl?.hostname);
  };
}

export function allowedHost(allows: HostCheck): MiddlewareHandler {
  return async (c, next) => {
    if (!allows(c.req.header('host') ?? new URL(c.req.url).host)) throw new HostNotAllowedError();
    await next();
  };
}
