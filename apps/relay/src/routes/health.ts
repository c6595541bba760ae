import { Hono } from 'hono';

/** What a relay still needs before it can answer; empty when it can. */
export type MissingParts = () => readonly string[];

const RETRY_SECONDS = 2;

/** `GET /healthz`: the process answers. `GET /readyz`: a completion would find somebody to compute it. */
export function health(missing: MissingParts): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', (c) => {
      c.header('cache-control', 'no-store');
      const parts = missing();
      if (parts.length === 0) return c.json({ status: 'ready', missing: [] });
      c.header('retry-after', String(RETRY_SECONDS));
      return c.json({ status: 'not-ready', missing: [...parts] }, 503);
    });
}
