import { CHUNK_BYTES } from '@opengateway/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ManifestHash } from '@opengateway/core';
import type { StoredFileKey, WeightsStore } from './weights-store.ts';

export interface StoreUnderTest {
  readonly store: WeightsStore;
  /** A second store over the same place, as after a restart; absent where nothing outlives the first. */
  readonly reopened?: () => Promise<WeightsStore>;
  readonly dispose: () => Promise<void>;
}

const LAST = 2;
const LAST_BYTES = 777;
const BYTES = LAST * CHUNK_BYTES + LAST_BYTES;

const key = (manifest: string, name: string): StoredFileKey => ({
  manifest: manifest.repeat(64) as ManifestHash,
  file: { name, bytes: BYTES },
});
const KEY = key('a', 'weights.gguf');

const chunk = (length: number, seed: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + seed) & 0xff);
const FULL = chunk(CHUNK_BYTES, 1);
const SHORT = chunk(LAST_BYTES, 2);

/** Equality of large arrays, without the cost of a difference nobody reads. */
export const sameBytes = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left?.byteLength === right.byteLength && right.every((byte, at) => left[at] === byte);

/** What every weights store does. */
export function weightsStoreContract(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps weights`, () => {
    let test: StoreUnderTest;
    let store: WeightsStore;

    beforeEach(async () => {
      test = await create();
      ({ store } = test);
    });
    afterEach(() => test.dispose());

    it('has nothing at first', async () => {
      expect(await store.storedBytes()).toBe(0);
      expect(await store.has(KEY, 0)).toBe(false);
      expect(await store.read(KEY, 0)).toBeUndefined();
    });

    it('gives back the chunks it was given and no others', async () => {
      await store.write(KEY, 1, FULL);
      await store.write(KEY, LAST, SHORT);
      expect(sameBytes(await store.read(KEY, 1), FULL)).toBe(true);
      expect(sameBytes(await store.read(KEY, LAST), SHORT)).toBe(true);
      expect(await store.has(KEY, 1)).toBe(true);
      expect(await store.has(KEY, 0)).toBe(false);
      expect(await store.read(KEY, 0)).toBeUndefined();
    });

    it('counts the bytes of chunks, not of the space set aside for them', async () => {
      await store.write(KEY, 0, FULL);
      await store.write(KEY, LAST, SHORT);
      await store.write(key('b', 'weights.gguf'), LAST, SHORT);
      expect(await store.storedBytes()).toBe(CHUNK_BYTES + 2 * LAST_BYTES);
    });

    it('keeps files and models apart', async () => {
      await store.write(KEY, LAST, SHORT);
      expect(await store.has(key('a', 'other.gguf'), LAST)).toBe(false);
      expect(await store.has(key('b', 'weights.gguf'), LAST)).toBe(false);
    });

    it('replaces a chunk that is written again', async () => {
      await store.write(KEY, LAST, chunk(LAST_BYTES, 3));
      await store.write(KEY, LAST, SHORT);
      expect(sameBytes(await store.read(KEY, LAST), SHORT)).toBe(true);
      expect(await store.storedBytes()).toBe(LAST_BYTES);
    });

    it('does not hold on to the array it was given', async () => {
      const bytes = SHORT.slice();
      await store.write(KEY, LAST, bytes);
      bytes.fill(0);
      expect(sameBytes(await store.read(KEY, LAST), SHORT)).toBe(true);
    });

    it('takes writes and reads that overlap in time', async () => {
      await Promise.all([store.write(KEY, 0, FULL), store.write(KEY, 1, FULL), store.write(KEY, LAST, SHORT)]);
      const [first, last] = await Promise.all([store.read(KEY, 0), store.read(KEY, LAST)]);
      expect(sameBytes(first, FULL) && sameBytes(last, SHORT)).toBe(true);
    });

    it('can be used again after close', async () => {
      await store.write(KEY, LAST, SHORT);
      await store.close();
      expect(await store.storedBytes()).toBe(LAST_BYTES);
      expect(sameBytes(await store.read(KEY, LAST), SHORT)).toBe(true);
    });

    it('removes everything and starts anew', async () => {
      await store.write(KEY, LAST, SHORT);
      await store.removeAll();
      expect(await store.storedBytes()).toBe(0);
      expect(await store.has(KEY, LAST)).toBe(false);
      await store.write(KEY, LAST, SHORT);
      expect(await store.storedBytes()).toBe(LAST_BYTES);
    });

    it('tells what it keeps of each model, and when that was last used', async () => {
      const beforeMs = Math.floor(Date.now() / 1_000) * 1_000;
      await store.write(KEY, 0, FULL);
      await store.write(key('a', 'other.gguf'), LAST, SHORT);
      await store.write(key('b', 'weights.gguf'), LAST, SHORT);
      const models = (await store.models()).toSorted((left, right) => right.bytes - left.bytes);
      expect(models.map(({ manifest, bytes }) => [manifest, bytes])).toEqual([
        [KEY.manifest, CHUNK_BYTES + LAST_BYTES],
        [key('b', '').manifest, LAST_BYTES],
      ]);
      for (const { usedAtMs } of models) expect(usedAtMs).toBeGreaterThanOrEqual(beforeMs);
    });

    it('removes one model and keeps the others', async () => {
      await store.write(KEY, LAST, SHORT);
      await store.write(key('b', 'weights.gguf'), LAST, SHORT);
      await store.remove(KEY.manifest);
      await store.remove('c'.repeat(64) as ManifestHash);
      expect(await store.has(key('b', 'weights.gguf'), LAST)).toBe(true);
      expect(await store.storedBytes()).toBe(LAST_BYTES);
      expect(await store.has(KEY, LAST)).toBe(false);
      await store.write(KEY, LAST, SHORT);
      expect(await store.storedBytes()).toBe(2 * LAST_BYTES);
    });

    it('forgets a chunk that went bad, and takes it again', async () => {
      await store.write(KEY, 0, FULL);
      await store.write(KEY, LAST, SHORT);
      await store.discard(KEY, 0);
      await store.discard(KEY, 1);
      expect(await store.has(KEY, 0)).toBe(false);
      expect(await store.read(KEY, 0)).toBeUndefined();
      expect(await store.storedBytes()).toBe(LAST_BYTES);
      await store.write(KEY, 0, FULL);
      expect(sameBytes(await store.read(KEY, 0), FULL)).toBe(true);
    });

    it('removes nothing where there is nothing', async () => {
      await store.removeAll();
      expect(await store.storedBytes()).toBe(0);
    });

    it('finds its chunks again after a restart, open files or not', async (context) => {
      if (!test.reopened) return context.skip();
      await store.write(KEY, 0, FULL);
      await store.write(KEY, LAST, SHORT);
      // Not closed: that is how a killed process leaves it.
      const again = await test.reopened();
      expect(await again.storedBytes()).toBe(CHUNK_BYTES + LAST_BYTES);
      expect(sameBytes(await again.read(KEY, 0), FULL)).toBe(true);
      expect(await again.has(KEY, 1)).toBe(false);
      await again.close();
    });

    it('forgets a file whose size is another than before', async (context) => {
      if (!test.reopened) return context.skip();
      await store.write(KEY, LAST, SHORT);
      await store.close();
      const again = await test.reopened();
      const grown = { ...KEY, file: { ...KEY.file, bytes: BYTES + CHUNK_BYTES } };
      expect(await again.has(grown, LAST)).toBe(false);
      await again.write(grown, LAST, FULL);
      expect(sameBytes(await again.read(grown, LAST), FULL)).toBe(true);
      await again.close();
    });
  });
}
