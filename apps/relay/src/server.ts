import { createAdaptorServer } from '@hono/node-server';
import { OpenGatewayError } from '@opengateway/core';
import { AddressLimit } from './address-limit.ts';
import {
  CONNECTIONS_CHECK_MS,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_PER_ADDRESS,
  REQUEST_TIMEOUT_MS,
} from './constants.ts';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { UpgradeProxy } from './upgrade-proxy.ts';

/** The port cannot be had. */
export class ListenError extends OpenGatewayError {
  static override readonly name = 'ListenError';
  constructor(message: string, options: ErrorOptions) {
    super('listen_failed', message, options);
  }
}

export interface HttpServerInit {
  readonly host: string;
  readonly port: number;
  /**
   * Connections of one remote address. `Infinity` where all come from one proxy.
   *
   * @default MAX_CONNECTIONS_PER_ADDRESS
   */
  readonly maxPerAddress?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Open connections, upgraded ones among them. */
  readonly connections: number;
  /** Takes no more connections and closes those that wait between requests. */
  stopListening(): void;
  /** Cuts whatever is left; resolves when everything is closed. */
  close(): Promise<void>;
}

/**
 * Serves `fetch` and hands upgrades to `upgrades`, with every limit of the server set on purpose.
 *
 * @throws ListenError naming the setting to change.
 */
export async function startServer(
  components: {
    readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
    readonly upgrades: UpgradeProxy;
  },
  { host, port, maxPerAddress = MAX_CONNECTIONS_PER_ADDRESS }: HttpServerInit,
): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch: components.fetch,
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      noDelay: true,
    },
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  const addresses = new AddressLimit(maxPerAddress);
  let connections = 0;
  server.on('connection', (socket) => {
    const leave = addresses.enter(socket.remoteAddress);
    if (leave === undefined) {
      socket.destroy();
      return;
    }
    connections += 1;
    socket.once('close', () => {
      connections -= 1;
      leave();
    });
  });
  server.on('upgrade', (request, socket, head) => components.upgrades.handle(request, socket, head));
  await listen(server, host, port);
  let closed: Promise<void> | undefined;
  const stopListening = (): Promise<void> => {
    // Asked a second time, a server that has closed already would never call back.
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    return closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    stopListening: () => void stopListening(),
    async close() {
      const done = stopListening();
      components.upgrades.close();
      server.closeAllConnections();
      await done;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new ListenError(listenProblem(cause as NodeJS.ErrnoException, host, port), { cause });
  }
  server.off('error', reject);
}

function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `PORT ${port} is in use on ${host}. Stop what uses it, or set PORT to another, e.g. PORT=${port + 1}.`;
    case 'EACCES':
      return `PORT ${port} needs more rights than this process has. Set PORT to one above 1023.`;
    case 'EADDRNOTAVAIL':
      return `HOST ${host} is no address of this machine.`;
    default:
      return `Listening on ${host}:${port} failed: ${message}`;
  }
}
