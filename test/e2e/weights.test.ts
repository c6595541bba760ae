import { chunksOfRange } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { launchChromium } from './browser.ts';
import { Relay } from './relay-process.ts';
import { ShutServer } from './shut-server.ts';
import { Device, WITHIN_MS, file, manifest } from './weights-device.ts';
import type { Page } from 'playwright-core';

/** Node peers that load at the same time. */
const PEERS = Number(process.env['WEIGHTS_PEERS'] ?? 2);

/** What holds the model's tensors. */
const whole = new Map(
  chunksOfRange(manifest, { start: 0, end: manifest.architecture.layerCount })[0]!.chunks.map((index) => [index, true]),
);

describe('weights between peers, the server shut', () => {
  it(`bring the model to ${PEERS} Node peers and two tabs, the first peer giving less than three times its size`, async () => {
    await using relay = await Relay.start({ contribute: false });
    await using server = await ShutServer.start(relay.url);
    await using devices = new AsyncDisposableStack();
    const seeder = devices.use(await Device.start(server.url));
    await seeder.serving();
    server.isShut = true;
    const before = server.weightsBytes;
    const browser = await launchChromium();
    devices.defer(() => browser.close());
    const pages = await Promise.all([1, 2].map(async () => (await browser.newContext()).newPage()));
    const startedMs = performance.now();
    const [peers] = await Promise.all([
      Promise.all(Array.from({ length: PEERS }, () => Device.start(server.url))),
      Promise.all(pages.map((page) => page.goto(`${server.url}/contribute?start=1&engine=wasm&threads=1`))),
    ]);
    for (const peer of peers) devices.use(peer);
    await Promise.all([...peers.map((peer) => peer.serving()), ...pages.map(untilServing)]);
    const tookMs = performance.now() - startedMs;
    for (const peer of peers) expect(await peer.chunks()).toEqual(whole);
    expect(server.weightsBytes).toBe(before);
    const seederBytes = await seeder.given();
    const others = await Promise.all(peers.map((peer) => peer.given()));
    console.info(
      `${PEERS} peers and two tabs in ${(tookMs / 1000).toFixed(1)} s: the seeder gave ${times(seederBytes)} the file, the peers ${others.map(times).join(' ')}`,
    );
    expect(seederBytes).toBeLessThan(3 * file.bytes);
  });
});

const untilServing = (page: Page) =>
  page.waitForSelector('[data-testid=contributor-state][data-state=serving]', { timeout: WITHIN_MS });

const times = (bytes: number) => `${(bytes / file.bytes).toFixed(2)}x`;
