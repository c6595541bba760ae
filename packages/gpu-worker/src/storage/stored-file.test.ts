import { CHUNK_BYTES } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoredFile } from './stored-file.ts';
import type { BlockFile } from './block-file.ts';

const CHUNKS = 3;
const BYTES = (CHUNKS - 1) * CHUNK_BYTES + 5;
const lengthOf = (index: number) => (index === CHUNKS - 1 ? 5 : CHUNK_BYTES);
const content = (index: number, version: number) => new Uint8Array(lengthOf(index)).fill(1 + index * 16 + version);

class Killed extends Error {}

/** A file that outlives its process; the process dies after `lifetime` bytes written or cut. */
class MortalFile implements BlockFile {
  bytes = new Uint8Array(0);
  lifetime = Infinity;

  async size() {
    return this.bytes.byteLength;
  }
  async read(buffer: Uint8Array, at: number) {
    const there = this.bytes.subarray(at, at + buffer.byteLength);
    buffer.set(there);
    return there.byteLength;
  }
  async write(bytes: Uint8Array, at: number) {
    const part = bytes.subarray(0, this.lifetime);
    this.bytes.set(part, at);
    this.#spend(bytes.byteLength);
  }
  async truncate(size: number) {
    this.#spend(1);
    const resized = new Uint8Array(size);
    resized.set(this.bytes.subarray(0, size));
    this.bytes = resized;
  }
  async close() {}

  #spend(cost: number) {
    if (cost > this.lifetime) throw new Killed();
    this.lifetime -= cost;
  }
}

describe('StoredFile', () => {
  it('never takes a half-written chunk for whole, wherever the process dies', async () => {
    const write = fc.record({ index: fc.nat(CHUNKS - 1), version: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 6 }), fc.nat(7 * CHUNK_BYTES), async (writes, lifetime) => {
        const file = new MortalFile();
        file.lifetime = lifetime;
        const good = new Map<number, number>();
        const died = await writeAll(file, writes, good).catch((error: unknown) => error);
        if (died) expect(died).toBeInstanceOf(Killed);
        file.lifetime = Infinity;
        const again = await StoredFile.open(file, BYTES);
        for (let index = 0; index < CHUNKS; index++) {
          const bytes = await again.read(index, new Uint8Array(CHUNK_BYTES));
          if (!bytes) continue;
          const versions = writes.filter((each) => each.index === index).map(({ version }) => version);
          const whole = versions.some((version) => Buffer.compare(bytes, content(index, version)) === 0);
          expect(whole).toBe(true);
        }
        // What was reported as written and not touched again is there.
        for (const index of good.keys()) expect(again.has(index)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('lays out a file of foreign content anew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (noise) => {
        const file = new MortalFile();
        file.bytes = new Uint8Array(noise);
        const stored = await StoredFile.open(file, BYTES);
        expect(stored.storedBytes).toBe(0);
        expect(await StoredFile.recognise(file)).toBeDefined();
      }),
    );
  });

  it('refuses chunks of the wrong size or place', async () => {
    const stored = await StoredFile.open(new MortalFile(), BYTES);
    await expect(stored.write(CHUNKS - 1, new Uint8Array(6))).rejects.toThrow(RangeError);
    await expect(stored.write(CHUNKS, new Uint8Array(0))).rejects.toThrow(RangeError);
  });
});

async function writeAll(
  file: MortalFile,
  writes: readonly { index: number; version: number }[],
  good: Map<number, number>,
): Promise<void> {
  const stored = await StoredFile.open(file, BYTES);
  for (const { index, version } of writes) {
    good.delete(index);
    await stored.write(index, content(index, version));
    good.set(index, version);
  }
}
