import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const WEIGHTS = /\.gguf$/;

/** A relay's public port as its clients see it, whose weights can be shut off. */
export class ShutServer implements AsyncDisposable {
  /** Whether weights are refused. */
  isShut = false;
  /** Bytes of weights that went through. */
  weightsBytes = 0;
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((incoming, answer) => this.#forward(incoming, answer));
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(incoming, socket, head),
    );
  }

  static async start(target: string): Promise<ShutServer> {
    const server = new ShutServer(new URL(target));
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const isWeights = WEIGHTS.test(incoming.url ?? '');
    if (isWeights && this.isShut) {
      answer.writeHead(503).end();
      return;
    }
    const { hostname, port } = this.#target;
    const { method, headers, url: path } = incoming;
    const forwarded = request({ hostname, port, method, headers, path }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      if (isWeights) response.on('data', (bytes: Buffer) => (this.weightsBytes += bytes.byteLength));
      response.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    incoming.pipe(forwarded);
  }

  #upgrade({ method, url, rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
    const relay = connect(Number(this.#target.port), this.#target.hostname);
    const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
    relay.write(`${method} ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    relay.write(head);
    relay.pipe(socket).pipe(relay);
    for (const end of [relay, socket]) {
      this.#sockets.add(end);
      end.on('error', () => end.destroy());
      end.on('close', () => {
        this.#sockets.delete(end);
        relay.destroy();
        socket.destroy();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
