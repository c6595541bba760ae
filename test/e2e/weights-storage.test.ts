import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../../scripts/chromium.ts';
import { Relay } from './relay-process.ts';
import { Device, WITHIN_MS, file } from './weights-device.ts';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';

/** Of what a page keeps: how many chunks are the model's, and how many are anything else. */
interface Kept {
  readonly good: number;
  readonly bad: number;
}

/** A browser whose storage outlives its pages, as a person's does. */
class Visitor implements AsyncDisposable {
  readonly #context: BrowserContext;
  readonly #profile: string;
  readonly #origin: string;
  page: Page;
  readonly #devTools: CDPSession;

  private constructor(context: BrowserContext, profile: string, origin: string, page: Page, devTools: CDPSession) {
    this.#context = context;
    this.#profile = profile;
    this.#origin = origin;
    this.page = page;
    this.#devTools = devTools;
  }

  static async open(url: string): Promise<Visitor> {
    const profile = await mkdtemp(join(tmpdir(), 'opengateway-visitor-'));
    const options = { executablePath: await chromiumPath(), args: CHROMIUM_ARGUMENTS };
    const context = await chromium.launchPersistentContext(profile, options);
    const page = await context.newPage();
    await page.goto(url);
    return new Visitor(context, profile, new URL(url).origin, page, await context.newCDPSession(page));
  }

  /** Without a number: what the browser gives. */
  async setQuota(quotaSize?: number): Promise<void> {
    const origin = this.#origin;
    await this.#devTools.send(
      'Storage.overrideQuotaForOrigin',
      quotaSize === undefined ? { origin } : { origin, quotaSize },
    );
  }

  /** Lends this device until it serves; what the page said of storage meanwhile. */
  async lend(): Promise<string | null> {
    await this.page.goto(`${this.#origin}/contribute?start=1&engine=wasm&threads=1`);
    await this.page.waitForSelector('[data-testid=contributor-state][data-state=serving]', { timeout: WITHIN_MS });
    const notice = this.page.locator('[data-testid=not-kept]');
    return (await notice.count()) === 0 ? null : notice.innerText();
  }

  /** The page is left, so that nothing holds the files. */
  async leave(): Promise<void> {
    await this.page.goto(`${this.#origin}/healthz`);
  }

  kept(): Promise<Kept> {
    return this.page.evaluate(
      async ({ chunks, bytes }) => {
        const counts = { good: 0, bad: 0 };
        const root = await navigator.storage.getDirectory();
        const store = await root.getDirectoryHandle('opengateway-weights').catch(() => undefined);
        for await (const model of store?.values() ?? []) {
          const places = (model as FileSystemDirectoryHandle).values();
          for await (const place of places) {
            if (place.kind !== 'directory') continue;
            for await (const [index, handle] of (place as FileSystemDirectoryHandle).entries()) {
              const blob = await (handle as FileSystemFileHandle).getFile();
              const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
              const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
              const isWhole = blob.size === Math.min(1_048_576, bytes - Number(index) * 1_048_576);
              counts[isWhole && hex === chunks[Number(index)] ? 'good' : 'bad'] += 1;
            }
          }
        }
        return counts;
      },
      { chunks: file.chunks, bytes: file.bytes },
    );
  }

  /** Deletes one chunk's file, cuts one short and alters a byte of a third. */
  async damage(): Promise<void> {
    await this.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const store = await root.getDirectoryHandle('opengateway-weights');
      for await (const model of store.values()) {
        for await (const place of (model as FileSystemDirectoryHandle).values()) {
          if (place.kind !== 'directory') continue;
          const chunks = place as FileSystemDirectoryHandle;
          await chunks.removeEntry('10');
          const cut = await (await chunks.getFileHandle('20')).createWritable();
          await cut.write(new Uint8Array(100));
          await cut.close();
          const altered = await (await chunks.getFileHandle('30')).createWritable({ keepExistingData: true });
          await altered.write({ type: 'write', position: 5_000, data: new Uint8Array([1, 2, 3]) });
          await altered.close();
        }
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}

describe('storage that is small, full or gone', () => {
  it('in a tab: says so with numbers, serves all the same, and never from a half-valid model', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using visitor = await Visitor.open(`${relay.url}/healthz`);
    await visitor.setQuota(40_000_000);
    expect(await visitor.lend()).toMatch(/^Needs 98 MB, 3\d MB are free here: it is not kept/);
    await visitor.leave();
    expect(await visitor.kept()).toEqual({ good: 0, bad: 0 });

    // A little more than the model, and less than the power of two above it that one file would be counted as.
    await visitor.setQuota(110_000_000);
    expect(await visitor.lend()).toBeNull();
    await visitor.leave();
    const whole = await visitor.kept();
    expect(whole.bad).toBe(0);
    expect(whole.good).toBeGreaterThan(90);

    await visitor.damage();
    expect(await visitor.kept()).toEqual({ good: whole.good - 3, bad: 2 });
    expect(await visitor.lend()).toMatch(/^4 MB of what was kept here are gone or damaged and are fetched again/);
    await visitor.leave();
    expect(await visitor.kept()).toEqual(whole);
  });

  it('in Node: says that the disk is full, serves all the same, and leaves no half a chunk', async () => {
    await using relay = await Relay.start({ contribute: false });
    // The system lets this process make no file of 1 MiB, which is what writing to a full disk comes to.
    await using device = await Device.start(relay.url, { largestFileKib: 1_000 });
    await device.serving();
    expect(device.lines('storage')).toMatchObject([
      { error: { code: 'storage_full', message: expect.stringMatching(/^The storage of this device is full/) } },
    ]);
    const kept = await device.chunks();
    expect(kept.size).toBeLessThanOrEqual(1);
    expect([...kept.values()]).not.toContain(false);
  });
});
