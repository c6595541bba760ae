import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { endless, hanging } from '@opengateway/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { CHAT_PATH, MINIMAL_CHAT } from './app.fixture.ts';
import { startServer } from './server.ts';
import { startTestServer, until } from './server.fixture.ts';
import { UpgradeProxy } from './upgrade-proxy.ts';
import type { Server, Socket } from 'node:net';

let relay: Awaited<ReturnType<typeof startTestServer>>;
afterEach(() => relay.server.close());

/** Sends a streamed chat request by hand, so that the test owns the socket. */
function sendChat(port: number): Socket {
  const body = JSON.stringify({ ...MINIMAL_CHAT, stream: true });
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `POST ${CHAT_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

describe('startServer', () => {
  it('aborts the computation when the socket of its client is reset', async () => {
    relay = await startTestServer();
    relay.completions.script = hanging('One');
    const socket = sendChat(relay.port);
    await once(socket, 'data');
    expect(relay.completions.running).toBe(1);
    socket.resetAndDestroy();
    await until(() => relay.completions.running === 0 && relay.gate.active === 0);
    expect(relay.completions.aborted).toBe(1);
  });

  it('aborts a computation that has not begun to answer when its client goes', async () => {
    relay = await startTestServer();
    const aborted = Promise.withResolvers<void>();
    relay.completions.script = async function* script(_request, signal) {
      signal.addEventListener('abort', () => aborted.resolve(), { once: true });
      await aborted.promise;
      yield* [];
    };
    const socket = sendChat(relay.port);
    await until(() => relay.completions.running === 1);
    socket.destroy();
    await aborted.promise;
    await until(() => relay.gate.active === 0);
  });

  it('stops pulling tokens while its client does not read, and goes on when it does', async () => {
    relay = await startTestServer();
    relay.completions.script = endless('x'.repeat(1_000));
    const socket = sendChat(relay.port);
    await once(socket, 'data');
    socket.pause();
    const pulledWhenStill = await settled(() => relay.completions.pulled);
    // Of about 1.2 KB each. Socket buffers on both sides hold a few MiB; endless text would pass this in a moment.
    expect(pulledWhenStill).toBeLessThan(20_000);
    socket.resume();
    await until(() => relay.completions.pulled > pulledWhenStill + 1_000);
    socket.destroy();
    await until(() => relay.completions.running === 0);
  });

  it('gives up a client that stopped reading for too long', async () => {
    relay = await startTestServer({ app: { stalledClientMs: 50 } });
    relay.completions.script = endless('x'.repeat(1_000));
    const socket = sendChat(relay.port);
    await once(socket, 'data');
    socket.pause();
    await until(() => relay.completions.running === 0 && relay.gate.active === 0);
    socket.destroy();
  });

  it('gives up a client that stopped reading a file', async () => {
    const file = {
      etag: '"x"',
      type: 'text/plain',
      immutable: false,
      encoded: () => ({ bytes: new Uint8Array(64 * 1_048_576) }),
    };
    relay = await startTestServer({ app: { stalledClientMs: 50, site: { get: () => Promise.resolve(file) } } });
    const socket = connect(relay.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.write('GET /big.txt HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    await until(() => relay.server.connections === 0);
    socket.destroy();
  });

  it('takes no more connections of one address than it may hold, and the next when one is gone', async () => {
    relay = await startTestServer({ maxPerAddress: 1 });
    const held = connect(relay.port, '127.0.0.1');
    await until(() => relay.server.connections === 1);
    const refused = connect(relay.port, '127.0.0.1');
    refused.on('error', () => refused.destroy());
    refused.resume();
    await once(refused, 'close');
    held.destroy();
    await until(() => relay.server.connections === 0);
    expect((await fetch(`${relay.url}/healthz`)).status).toBe(200);
  });

  it('lets a running answer finish when drained, and cuts it after the deadline', async () => {
    relay = await startTestServer();
    relay.completions.script = hanging('One');
    const socket = sendChat(relay.port);
    await once(socket, 'data');
    const drained = relay.gate.drain(20);
    expect((await fetch(`${relay.url}/v1/models`)).status).toBe(200);
    await drained;
    expect(relay.gate.active).toBe(0);
    socket.destroy();
  });

  it('closes however often and in whatever order it is asked to', async () => {
    relay = await startTestServer();
    relay.server.stopListening();
    await relay.server.close();
    await relay.server.close();
    await expect(fetch(relay.url)).rejects.toThrow();
  });

  it('says which setting to change when its port is taken', async () => {
    relay = await startTestServer();
    const upgrades = new UpgradeProxy({ host: '127.0.0.1', port: 1 }, { hostAllowed: () => true });
    const second = startServer({ fetch: relay.app.fetch, upgrades }, { host: '127.0.0.1', port: relay.port });
    await expect(second).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringMatching(/^PORT \d+ is in use .*PORT=/),
    });
  });
});

describe('UpgradeProxy', () => {
  it('hands a WebSocket upgrade on unchanged and pipes both ways', async () => {
    const upstream = await startUpstream();
    relay = await startTestServer({ target: upstream.target });
    const socket = upgrade(relay.port, 'localhost', 'early');
    await until(() => upstream.received.includes('early'));
    expect(upstream.received).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: localhost\r\nUpgrade: websocket\r\n/);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('101 Switching Protocols');
    expect(relay.upgrades.connections).toBe(1);
    socket.destroy();
    await until(() => relay.upgrades.connections === 0 && upstream.sockets.every(({ destroyed }) => destroyed));
    upstream.server.close();
  });

  it.each([
    ['a host that is not its own', { host: 'evil.example' }, '403'],
    ['a page of another origin', { extra: 'Origin: http://evil.example\r\n' }, '403'],
    ['another path', { path: '/v1/models' }, '404'],
    ['another protocol', { protocol: 'h2c' }, '400'],
  ])('refuses %s', async (_what, options, status) => {
    relay = await startTestServer();
    expect(await firstLine(upgradeWith(relay.port, options))).toContain(status);
    expect(relay.upgrades.connections).toBe(0);
  });

  it('refuses more connections than it may hold, and closes what it cannot connect', async () => {
    const upstream = await startUpstream();
    relay = await startTestServer({ target: upstream.target, upgrades: { maxConnections: 1 } });
    const held = upgrade(relay.port, 'localhost', '');
    await until(() => upstream.sockets.length === 1);
    expect(await firstLine(upgrade(relay.port, 'localhost', ''))).toContain('503');
    held.destroy();
    await until(() => relay.upgrades.connections === 0);
    const closed = once(upstream.server, 'close');
    upstream.server.close();
    await closed;
    const orphan = upgrade(relay.port, 'localhost', '');
    await once(orphan, 'close');
    expect(relay.upgrades.connections).toBe(0);
  });

  it('refuses more connections of one address than it may hold', async () => {
    const upstream = await startUpstream();
    relay = await startTestServer({ target: upstream.target, upgrades: { maxPerAddress: 1 } });
    const held = upgrade(relay.port, 'localhost', '');
    await until(() => relay.upgrades.connections === 1);
    expect(await firstLine(upgrade(relay.port, 'localhost', ''))).toContain('429');
    held.destroy();
    await until(() => relay.upgrades.connections === 0);
    expect(await firstLine(upgrade(relay.port, 'localhost', ''))).toContain('101');
    upstream.server.close();
  });

  it('cuts a connection that says nothing, and leaves one that has spoken', async () => {
    const upstream = await startUpstream();
    relay = await startTestServer({ target: upstream.target, upgrades: { firstBytesMs: 200 } });
    const spoken = upgrade(relay.port, 'localhost', '');
    await once(spoken, 'data');
    spoken.write('hello');
    await until(() => upstream.received.includes('hello'));
    const silent = upgrade(relay.port, 'localhost', '');
    silent.resume();
    await once(silent, 'close');
    await until(() => relay.upgrades.connections === 1);
    expect(spoken.destroyed).toBe(false);
    spoken.destroy();
    upstream.server.close();
  });

  it('cuts open connections when the server closes', async () => {
    const upstream = await startUpstream();
    relay = await startTestServer({ target: upstream.target });
    const socket = upgrade(relay.port, 'localhost', '');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await relay.server.close();
    await closed;
    upstream.server.close();
  });
});

/** A listener that records what it gets and answers like a WebSocket server. */
async function startUpstream() {
  const state = { received: '', sockets: [] as Socket[] };
  const server: Server = createServer((socket) => {
    state.sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      state.received += bytes.toString();
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return Object.assign(state, { server, target: { host: '127.0.0.1', port } });
}

interface UpgradeOptions {
  readonly host?: string;
  readonly path?: string;
  readonly protocol?: string;
  readonly extra?: string;
  readonly early?: string;
}

const upgrade = (port: number, host: string, early: string): Socket => upgradeWith(port, { host, early });

function upgradeWith(
  port: number,
  { host = 'localhost', path = '/', protocol = 'websocket', extra = '', early = '' }: UpgradeOptions,
): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n${extra}\r\n${early}`,
  );
  return socket;
}

async function firstLine(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString().split('\r\n')[0] ?? '';
}

/** The value once it has not changed for 200 turns of the event loop in a row. */
async function settled(read: () => number): Promise<number> {
  let value = read();
  for (let still = 0; still < 200; still += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (read() === value) continue;
    value = read();
    still = 0;
  }
  return value;
}
