import type { HttpBindings } from '@hono/node-server';
import type { Logger } from 'pino';

/** What handlers find in Hono's context. */
export interface RelayEnv {
  Variables: {
    requestId: string;
    /** Names the request in every line. */
    log: Logger;
  };
  /** The socket's side; absent where there is none, as in tests on `app.request`. */
  Bindings: Partial<HttpBindings>;
}
