import { Hono } from 'hono';
import { STALLED_CLIENT_MS } from '../constants.ts';
import { NotFoundError } from '../errors.ts';
import { inPieces, socketBody } from '../socket-body.ts';
import type { SiteFiles } from '../site-files.ts';
import type { StallOptions } from './model-files.ts';

/** Paths that the page itself routes. */
const PAGES: ReadonlySet<string> = new Set(['/', '/contribute', '/chat', '/network']);

/** The built site: its files as they are, its pages as `index.html`. */
export function site(files: SiteFiles, { stalledClientMs = STALLED_CLIENT_MS }: StallOptions = {}): Hono {
  return new Hono().get('/*', async (c) => {
    const path = c.req.path.length > 1 ? c.req.path.replace(/\/$/, '') : c.req.path;
    const name = PAGES.has(path) ? 'index.html' : path.slice(1);
    const file = await files.get(name);
    if (file === undefined) {
      if (name !== 'index.html') throw new NotFoundError('This page');
      return c.text('The site is not built yet: npm run build. The API under /v1 works without it.\n', 503);
    }
    c.header('etag', file.etag);
    c.header('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    c.header('content-type', file.type);
    c.header('vary', 'accept-encoding');
    if (c.req.header('if-none-match') === file.etag) return c.body(null, 304);
    const { bytes, encoding } = file.encoded(c.req.header('accept-encoding') ?? '');
    if (encoding !== undefined) c.header('content-encoding', encoding);
    c.header('content-length', String(bytes.byteLength));
    return c.req.method === 'HEAD'
      ? c.body(null)
      : c.body(socketBody(c, inPieces(bytes), { stalledMs: stalledClientMs }));
  });
}
