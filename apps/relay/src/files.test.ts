import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { bootstrapSchema } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApp } from './app.fixture.ts';
import { hostCheck } from './middleware/allowed-host.ts';
import { startTestServer } from './server.fixture.ts';
import { loadSite } from './site-files.ts';
import type { CatalogModel } from './catalog.ts';

const BYTES = Uint8Array.from({ length: 600_000 }, (_, index) => index % 251);
const HASH = 'a'.repeat(64);
let folder: string;
let relay: Awaited<ReturnType<typeof startTestServer>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opengateway-relay-'));
  await mkdir(join(folder, 'dist/assets'), { recursive: true });
  await writeFile(join(folder, 'weights.gguf'), BYTES);
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await mkdir(join(folder, 'package/resolve/main'), { recursive: true });
  await writeFile(join(folder, 'package/resolve/main/params_shard_0.bin'), 'weights');
  await writeFile(join(folder, 'package/unlisted'), 'secret');
  await writeFile(join(folder, 'dist/index.html'), '<!doctype html><title>OpenGateway</title>');
  await writeFile(join(folder, 'dist/assets/app-abc123.js'), 'export const answer = 42;\n'.repeat(100));
  relay = await startTestServer({ app: { catalog: [model()], site: await loadSite(join(folder, 'dist')) } });
});
afterAll(async () => {
  await relay.server.close();
  await rm(folder, { recursive: true });
});

const model = (): CatalogModel =>
  ({
    entry: {
      id: 'tiny',
      name: 'Tiny',
      manifest: HASH,
      manifestUrl: '/models/tiny/manifest.json',
      bytes: BYTES.byteLength,
      layerCount: 2,
      contextLength: 128,
      license: 'Apache-2.0',
    },
    manifest: { files: [{ name: 'weights.gguf', bytes: BYTES.byteLength, chunks: [] }], license: { spdx: 'MIT' } },
    manifestBytes: new TextEncoder().encode('{"id":"tiny"}'),
    directory: folder,
    fileUrls: new Map(),
    packageFiles: new Map([['resolve/main/params_shard_0.bin', { bytes: 7, modifiedMs: 1 }]]),
    createdSeconds: 1_700_000_000,
    // The routes under test read no more of a manifest than this.
  }) as unknown as CatalogModel;

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${relay.url}${path}`, { headers, method });
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe('model files over a socket', () => {
  it('sends a whole file with its length', async () => {
    const response = await get('/models/tiny/weights.gguf');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(BYTES.byteLength));
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(await bytesOf(response)).toEqual(BYTES);
  });

  it('sends a range, a suffix and the rest of a file', async () => {
    const part = await get('/models/tiny/weights.gguf', { range: 'bytes=1000-300999' });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe('bytes 1000-300999/600000');
    expect(await bytesOf(part)).toEqual(BYTES.subarray(1_000, 301_000));
    expect(await bytesOf(await get('/models/tiny/weights.gguf', { range: 'bytes=-5' }))).toEqual(BYTES.subarray(-5));
    const manifest = await get('/models/tiny/manifest.json', { range: 'bytes=2-3' });
    expect(await manifest.text()).toBe('id');
  });

  it('sends the files of a compiled package, and nothing that was not there at the start', async () => {
    const shard = await get('/models/tiny/package/resolve/main/params_shard_0.bin', { range: 'bytes=0-2' });
    expect([shard.status, await shard.text()]).toEqual([206, 'wei']);
    for (const path of ['unlisted', 'resolve/main', '../secret.txt', '..%2fsecret.txt']) {
      expect((await get(`/models/tiny/package/${path}`)).status).toBe(404);
    }
  });

  it('refuses a range outside the file with its size', async () => {
    const response = await get('/models/tiny/weights.gguf', { range: 'bytes=600000-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */600000');
  });

  it('answers HEAD and conditional requests without a body', async () => {
    const head = await get('/models/tiny/weights.gguf', {}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(BYTES.byteLength));
    const etag = head.headers.get('etag') ?? '';
    expect((await get('/models/tiny/weights.gguf', { 'if-none-match': etag })).status).toBe(304);
    const range = { range: 'bytes=0-9' };
    expect((await get('/models/tiny/weights.gguf', { ...range, 'if-range': etag })).status).toBe(206);
    const changed = await get('/models/tiny/weights.gguf', { ...range, 'if-range': '"other"' });
    expect(changed.status).toBe(200);
    await changed.body?.cancel();
  });

  it('is cached for ever only where the address names the manifest', async () => {
    const pinned = await get(`/models/tiny/manifest.json?manifest=${HASH}`);
    expect(pinned.headers.get('cache-control')).toContain('immutable');
    const plain = await get('/models/tiny/manifest.json');
    expect(plain.headers.get('cache-control')).toBe('no-cache');
    expect(await plain.json()).toEqual({ id: 'tiny' });
  });

  it('sends those who want weights that lie elsewhere on to them, and lets the page follow', async () => {
    const fileUrls = new Map([['weights.gguf', `${relay.url}/models/tiny/weights.gguf`]]);
    const other = await startTestServer({ app: { catalog: [{ ...model(), fileUrls }] } });
    const url = `${other.url}/models/tiny/weights.gguf`;
    const sentOn = await fetch(url, { redirect: 'manual' });
    expect(sentOn.status).toBe(307);
    expect(sentOn.headers.get('content-security-policy')).toContain(`connect-src 'self' ${relay.url} ws: wss:;`);
    const range = await fetch(url, { headers: { range: 'bytes=10-19' } });
    expect(await bytesOf(range)).toEqual(BYTES.subarray(10, 20));
    await other.server.close();
  });

  it.each([
    '/models/tiny/secret.txt',
    '/models/tiny/..%2fsecret.txt',
    '/models/tiny/%2e%2e/secret.txt',
    '/models/tiny/weights.gguf%00',
    '/models/other/manifest.json',
    '/models/tiny',
    '/models/../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..%2fsecret.txt',
    '/%',
  ])('finds nothing at %s', async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toBe('secret');
  });

  it('lists and describes the catalogue under /v1/models', async () => {
    const tiny = { id: 'tiny', object: 'model', created: 1_700_000_000, owned_by: 'opengateway' };
    expect(await (await get('/v1/models')).json()).toEqual({
      object: 'list',
      data: [tiny, { ...tiny, id: 'auto' }],
    });
    expect(await (await get('/v1/models/tiny')).json()).toEqual(tiny);
    expect((await get('/v1/models/other')).status).toBe(404);
  });
});

describe('the site over a socket', () => {
  it.each(['/', '/contribute', '/chat', '/chat/', '/network?x=1'])('is one page at %s', async (path) => {
    const response = await get(path);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toContain('OpenGateway');
  });

  it('sends hashed files compressed and cached for ever', async () => {
    const response = await get('/assets/app-abc123.js', { 'accept-encoding': 'gzip, deflate' });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(await response.text()).toContain('answer = 42');
    const etag = response.headers.get('etag') ?? '';
    expect((await get('/assets/app-abc123.js', { 'if-none-match': etag })).status).toBe(304);
  });

  it('prefers brotli and sends plain bytes to who wants them', async () => {
    const site = await loadSite(join(folder, 'dist'));
    const file = await site.get('assets/app-abc123.js');
    expect(file?.encoded('gzip, br').encoding).toBe('br');
    const gzip = file?.encoded('gzip');
    expect(gunzipSync(gzip?.bytes ?? '').toString()).toContain('answer');
    expect(file?.encoded('identity').encoding).toBeUndefined();
  });

  it('says what to do where the site is not built', async () => {
    const { app } = createTestApp({ site: await loadSite(join(folder, 'nowhere')) });
    const response = await app.request('/');
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npm run build');
  });
});

describe('GET /bootstrap', () => {
  it('names the relay by the address its client used', async () => {
    const document = bootstrapSchema.parse(await (await get('/bootstrap')).json());
    expect(document.relay.multiaddrs).toEqual([`/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/12D3KooWRelay`]);
    expect(document.catalog.map(({ id }) => id)).toEqual(['tiny']);
  });

  it('follows a proxy that speaks TLS, and a public address over both', async () => {
    const open = { hostAllowed: hostCheck({ loopback: false, publicUrl: null }) };
    const headers = { host: 'relay.example', 'x-forwarded-proto': 'https' };
    const address = async (app: ReturnType<typeof createTestApp>['app']) =>
      bootstrapSchema.parse(await (await app.request('/bootstrap', { headers })).json()).relay.multiaddrs[0];
    expect(await address(createTestApp(open).app)).toBe('/dns4/relay.example/tcp/443/wss/p2p/12D3KooWRelay');
    const named = createTestApp({ ...open, publicUrl: new URL('https://eu.example:8443') });
    expect(await address(named.app)).toBe('/dns4/eu.example/tcp/8443/wss/p2p/12D3KooWRelay');
  });
});
