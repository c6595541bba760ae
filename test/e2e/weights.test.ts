import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHUNK_BYTES, chunksOfRange, parseManifest } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { contributorLaunch } from '../../apps/contributor/src/launch.ts';
import { launchChromium } from './browser.ts';
import { ProjectProcess, Relay } from './relay-process.ts';
import { ShutServer } from './shut-server.ts';
import type { Page } from 'playwright-core';

const MODEL = 'smollm2-135m-instruct';
/** Node peers that load at the same time. */
const PEERS = Number(process.env['WEIGHTS_PEERS'] ?? 2);
const WITHIN_MS = 150_000;

const manifest = parseManifest(
  JSON.parse(await readFile(new URL(`../../models/${MODEL}/manifest.json`, import.meta.url), 'utf8')),
);
const file = manifest.files[0]!;

interface Line {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** A contributor's process with a folder of its own. */
class Device implements AsyncDisposable {
  readonly directory: string;
  process: ProjectProcess;
  readonly #args: readonly string[];

  private constructor(directory: string, args: readonly string[]) {
    this.directory = directory;
    this.#args = args;
    this.process = this.#start();
  }

  static async start(url: string, ...args: readonly string[]): Promise<Device> {
    const directory = await mkdtemp(join(tmpdir(), 'opengateway-weights-'));
    const own = ['--relay', url, '--data-dir', directory, '--upload-mbit', '10000', '--threads', '1', '--json'];
    return new Device(directory, [...own, ...args]);
  }

  #start(): ProjectProcess {
    const { args, environment } = contributorLaunch(this.#args);
    return new ProjectProcess(args, environment);
  }

  restart(): void {
    this.process = this.#start();
  }

  lines(event: string): Line[] {
    return this.process.lines.map((line) => JSON.parse(line) as Line).filter((line) => line.event === event);
  }

  async until(check: () => boolean): Promise<void> {
    const isOver = () => check() || this.process.child.exitCode !== null;
    await expect.poll(isOver, { timeout: WITHIN_MS, interval: 50 }).toBe(true);
    if (!check()) throw new Error(`It ended:\n${this.process.lines.join('\n')}`);
  }

  serving(): Promise<void> {
    return this.until(() => this.lines('state').some(({ state }) => state === 'serving'));
  }

  /** Numbers of the chunks on the disk that are marked as whole, and whether each is the model's. */
  async chunks(): Promise<Map<number, boolean>> {
    const found = new Map<number, boolean>();
    const folder = join(this.directory, 'weights');
    const [model] = await readdir(folder);
    const handle = await open(join(folder, model!, file.name));
    try {
      const marks = Buffer.alloc(file.chunks.length);
      await handle.read(marks, 0, marks.byteLength, file.bytes);
      for (const [index, mark] of marks.entries()) {
        if (mark !== 1) continue;
        const bytes = Buffer.alloc(Math.min(CHUNK_BYTES, file.bytes - index * CHUNK_BYTES));
        await handle.read(bytes, 0, bytes.byteLength, index * CHUNK_BYTES);
        found.set(index, createHash('sha256').update(bytes).digest('hex') === file.chunks[index]);
      }
    } finally {
      await handle.close();
    }
    return found;
  }

  /** Ends it in order and tells what it gave to others. */
  async given(): Promise<number> {
    await this.process.kill('SIGTERM');
    return Number(this.lines('weights-given')[0]?.['bytes'] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What holds the model's tensors. */
const whole = new Map(
  chunksOfRange(manifest, { start: 0, end: manifest.architecture.layerCount })[0]!.chunks.map((index) => [index, true]),
);

describe('weights between peers, the server shut', () => {
  it(`bring the model to ${PEERS} Node peers, the first one giving less than three times its size`, async () => {
    await using relay = await Relay.start({ contribute: false });
    await using server = await ShutServer.start(relay.url);
    await using devices = new AsyncDisposableStack();
    const seeder = devices.use(await Device.start(server.url));
    await seeder.serving();
    server.isShut = true;
    const before = server.weightsBytes;
    const startedMs = performance.now();
    const peers = await Promise.all(Array.from({ length: PEERS }, () => Device.start(server.url)));
    for (const peer of peers) devices.use(peer);
    await Promise.all(peers.map((peer) => peer.serving()));
    const tookMs = performance.now() - startedMs;
    for (const peer of peers) expect(await peer.chunks()).toEqual(whole);
    expect(server.weightsBytes).toBe(before);
    const seederBytes = await seeder.given();
    const others = await Promise.all(peers.map((peer) => peer.given()));
    const times = (bytes: number) => `${(bytes / file.bytes).toFixed(2)}x`;
    console.info(
      `${PEERS} peers in ${(tookMs / 1000).toFixed(1)} s: the seeder gave ${times(seederBytes)} the file, the peers ${others.map(times).join(' ')}`,
    );
    expect(seederBytes).toBeLessThan(3 * file.bytes);
  });

  it('are taken up again after kill -9: what was there is not fetched twice', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using server = await ShutServer.start(relay.url);
    await using seeder = await Device.start(server.url);
    await seeder.serving();
    server.isShut = true;
    await using peer = await Device.start(server.url);
    await peer.until(() => peer.lines('progress').some(({ fetchedBytes }) => Number(fetchedBytes) > 0));
    await peer.process.kill('SIGKILL');
    const left = await peer.chunks();
    expect(left.size).toBeGreaterThan(0);
    expect(new Set(left.values())).toEqual(new Set([true]));
    peer.restart();
    await peer.serving();
    expect(await peer.chunks()).toEqual(whole);
    const fetched = Number(peer.lines('progress').at(-1)?.['fetchedBytes']);
    expect(fetched).toBeLessThanOrEqual(file.bytes - (left.size - 1) * CHUNK_BYTES);
  });

  it('bring the model to two Chromium tabs', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using server = await ShutServer.start(relay.url);
    await using seeder = await Device.start(server.url);
    await seeder.serving();
    server.isShut = true;
    const before = server.weightsBytes;
    const browser = await launchChromium();
    try {
      const pages = await Promise.all([1, 2].map(async () => (await browser.newContext()).newPage()));
      await Promise.all(pages.map((page) => page.goto(`${server.url}/contribute?start=1&engine=wasm&threads=1`)));
      await Promise.all(pages.map(untilServing));
      expect(server.weightsBytes).toBe(before);
    } finally {
      await browser.close();
    }
  });
});

const untilServing = (page: Page) =>
  page.waitForSelector('[data-testid=contributor-state][data-state=serving]', { timeout: WITHIN_MS });
