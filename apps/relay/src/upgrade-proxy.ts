import { connect } from 'node:net';
import { pipeline } from 'node:stream';
import { AddressLimit } from './address-limit.ts';
import {
  FIRST_BYTES_TIMEOUT_MS,
  MAX_UPGRADED_CONNECTIONS,
  MAX_UPGRADED_CONNECTIONS_PER_ADDRESS,
  UPGRADED_KEEP_ALIVE_MS,
  UPSTREAM_TIMEOUT_MS,
} from './constants.ts';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostCheck } from './middleware/allowed-host.ts';

export interface UpgradeTarget {
  readonly host: string;
  readonly port: number;
}

export interface UpgradeProxyInit {
  readonly hostAllowed: HostCheck;
  /** @default MAX_UPGRADED_CONNECTIONS */
  readonly maxConnections?: number;
  /**
   * Of one remote address. `Infinity` where all come from one proxy.
   *
   * @default MAX_UPGRADED_CONNECTIONS_PER_ADDRESS
   */
  readonly maxPerAddress?: number;
  /** @default FIRST_BYTES_TIMEOUT_MS */
  readonly firstBytesMs?: number;
  /** @default UPSTREAM_TIMEOUT_MS */
  readonly upstreamTimeoutMs?: number;
}

/**
 * Hands WebSocket upgrades of the public port to libp2p's listener on loopback, byte for byte: the
 * handshake itself, its check and all that follows are libp2p's.
 */
export class UpgradeProxy {
  readonly #target: UpgradeTarget;
  readonly #init: Required<UpgradeProxyInit>;
  readonly #open = new Set<Duplex>();
  readonly #addresses: AddressLimit;
  #closed = false;

  constructor(target: UpgradeTarget, init: UpgradeProxyInit) {
    this.#target = target;
    this.#init = {
      maxConnections: MAX_UPGRADED_CONNECTIONS,
      maxPerAddress: MAX_UPGRADED_CONNECTIONS_PER_ADDRESS,
      firstBytesMs: FIRST_BYTES_TIMEOUT_MS,
      upstreamTimeoutMs: UPSTREAM_TIMEOUT_MS,
      ...init,
    };
    this.#addresses = new AddressLimit(this.#init.maxPerAddress);
  }

  get connections(): number {
    return this.#open.size;
  }

  /** For a server's `upgrade` event. */
  handle(request: IncomingMessage, client: Duplex, head: Buffer): void {
    // Without a listener, a reset by the client would end the process.
    client.on('error', () => client.destroy());
    const refusal = this.#refusal(request);
    if (refusal !== undefined) return refuse(client, refusal);
    const leave = this.#addresses.enter(request.socket.remoteAddress);
    if (leave === undefined) return refuse(client, '429 Too Many Requests');
    this.#open.add(client);
    const silent = setTimeout(() => client.destroy(), this.#init.firstBytesMs);
    const spoken = () => clearTimeout(silent);
    if (head.byteLength > 0) spoken();
    else client.once('data', spoken);
    client.once('close', () => {
      spoken();
      this.#open.delete(client);
      leave();
    });

    const upstream = connect(this.#target);
    upstream.on('error', () => upstream.destroy());
    upstream.setNoDelay(true);
    upstream.setTimeout(this.#init.upstreamTimeoutMs, () => upstream.destroy());
    upstream.once('data', () => upstream.setTimeout(0));
    upstream.once('connect', () => {
      upstream.write(requestHead(request));
      if (head.byteLength > 0) upstream.write(head);
    });
    tune(client);
    // A failure of either side ends both; there is nobody left to tell.
    pipeline(client, upstream, () => client.destroy());
    pipeline(upstream, client, () => upstream.destroy());
  }

  /** Refuses new upgrades and cuts those that are open. */
  close(): void {
    this.#closed = true;
    for (const client of this.#open) client.destroy();
  }

  #refusal({ method, url, headers }: IncomingMessage): string | undefined {
    if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return '400 Bad Request';
    if (!this.#init.hostAllowed(headers.host)) return '403 Forbidden';
    // A browser names the page that opens the socket; on loopback it must be the relay's own.
    const origin = headers.origin === undefined ? headers.host : URL.parse(headers.origin)?.host;
    if (!this.#init.hostAllowed(origin)) return '403 Forbidden';
    if (url?.split('?')[0] !== '/') return '404 Not Found';
    const full = this.#open.size >= this.#init.maxConnections;
    return full || this.#closed ? '503 Service Unavailable' : undefined;
  }
}

function refuse(client: Duplex, status: string): void {
  client.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function requestHead({ method, url, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** An HTTP server's upgraded streams are TCP sockets, typed as any duplex. */
function tune(client: Duplex): void {
  const socket = client as Socket;
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, UPGRADED_KEEP_ALIVE_MS);
}
