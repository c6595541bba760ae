import { randomBytes } from 'node:crypto';
import { matchedRoutes } from 'hono/route';
import type { Context, MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { RelayEnv } from '../env.ts';
import type { Metrics } from '../metrics.ts';

/** Numbers, counts and logs each request: its route and status, never its body, query or address. */
export function requestLog(logger: Logger, metrics: Metrics): MiddlewareHandler<RelayEnv> {
  return async (c, next) => {
    const requestId = `req_${randomBytes(12).toString('hex')}`;
    const log = logger.child({ requestId });
    c.set('requestId', requestId);
    c.set('log', log);
    c.header('x-request-id', requestId);
    const startedMs = performance.now();
    await next();
    const route = matchedRoute(c);
    const { status } = c.res;
    metrics.requests.inc({ route, method: knownMethod(c.req.method), status });
    log.debug({ route, method: c.req.method, status, ms: Math.round(performance.now() - startedMs) }, 'request');
  };
}

/** The pattern, so that labels stay few; files of the site and paths that do not exist count as one. */
function matchedRoute(c: Context): string {
  const paths = matchedRoutes(c).map(({ path }) => path);
  return paths.find((path) => !path.endsWith('*')) ?? paths.find((path) => path !== '/*') ?? 'site';
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const knownMethod = (method: string): string => (METHODS.has(method) ? method : 'OTHER');
