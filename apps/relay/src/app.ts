import { toHttpFailure } from '@opengateway/core';
import { Hono } from 'hono';
import { MethodNotAllowedError, NotFoundError } from './errors.ts';
import { allowedHost } from './middleware/allowed-host.ts';
import { apiKey } from './middleware/api-key.ts';
import { requestLog } from './middleware/request-log.ts';
import { fileOrigins, packageOrigins, relaySchemes, securityHeaders } from './middleware/security-headers.ts';
import { bootstrap } from './routes/bootstrap.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { health } from './routes/health.ts';
import { modelFiles } from './routes/model-files.ts';
import { modelsV1 } from './routes/models-v1.ts';
import { site } from './routes/site.ts';
import type { PeerName } from '@opengateway/core';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import type { CatalogModel } from './catalog.ts';
import type { RelayEnv } from './env.ts';
import type { CountryOf } from './geo/country-database.ts';
import type { HostCheck } from './middleware/allowed-host.ts';
import type { ChatDependencies } from './routes/chat-completions.ts';
import type { MissingParts } from './routes/health.ts';
import type { SiteFiles } from './site-files.ts';

export interface AppDependencies extends ChatDependencies {
  readonly logger: Logger;
  readonly catalog: readonly CatalogModel[];
  readonly site: SiteFiles;
  /** This relay's name on the network. */
  readonly peer: PeerName;
  readonly publicUrl: URL | null;
  /** STUN and TURN servers that peers are told to use. */
  readonly iceServers: readonly string[];
  readonly countryOf: CountryOf;
  readonly apiKey: string | null;
  readonly hostAllowed: HostCheck;
  readonly missing: MissingParts;
}

/** The whole HTTP surface of a relay: site, bootstrap, model files, `/v1`, health and metrics. */
export function createApp(dependencies: AppDependencies): Hono<RelayEnv> {
  const { catalog, logger, metrics } = dependencies;
  const app = new Hono<RelayEnv>();
  const origins = new Set([
    ...packageOrigins(catalog.map(({ entry }) => entry)),
    ...fileOrigins(catalog),
    ...relaySchemes(dependencies.publicUrl),
  ]);
  app.use(requestLog(logger, metrics), securityHeaders([...origins]), allowedHost(dependencies.hostAllowed));
  app.onError((error, c) => respondWith(error, c, dependencies));
  app.notFound((c) => respondWith(new NotFoundError(c.req.path.slice(0, 200)), c, dependencies));

  app.route('/', health(dependencies.missing));
  app.route('/bootstrap', bootstrap({ ...dependencies, catalog: catalog.map(({ entry }) => entry) }));
  app.route('/models', modelFiles(catalog, dependencies));

  app.use('/v1/*', apiKey(dependencies.apiKey));
  app.route('/v1/chat/completions', chatCompletions(dependencies));
  app.route('/v1/models', modelsV1(catalog));
  app.all('/v1/chat/completions', (c) => refuseMethod(c, 'POST'));
  app.all('/v1/models', (c) => refuseMethod(c, 'GET'));
  app.all('/v1/models/:id', (c) => refuseMethod(c, 'GET'));
  app.all('/v1/*', (c) => {
    throw new NotFoundError(`${c.req.method} ${c.req.path.slice(0, 200)}`);
  });

  app.get('/metrics', apiKey(dependencies.apiKey), async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );
  app.route('/', site(dependencies.site, dependencies));
  return app;
}

function refuseMethod(c: Context, allowed: string): never {
  c.header('allow', allowed);
  throw new MethodNotAllowedError(c.req.method, allowed);
}

/** Every failure leaves as OpenAI's error body. */
function respondWith(error: Error, c: Context, { logger, rate, waiting }: AppDependencies): Response {
  const { status, body, retryAfterSeconds } = toHttpFailure(error);
  if (status === 500 && !c.req.raw.signal.aborted) logger.error({ err: error }, 'request failed');
  const retrySeconds = status === 429 ? rate.retryAfterSeconds(waiting()) : retryAfterSeconds;
  if (retrySeconds !== undefined) c.header('retry-after', String(retrySeconds));
  // OpenAI's own clients try again at every 503 unless they are told not to.
  else if (status === 503) c.header('x-should-retry', 'false');
  return c.json(body, status as ContentfulStatusCode);
}
