import { CHUNK_BYTES } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoredFile } from './stored-file.ts';
import type { BlockFile, ChunkFiles } from './block-file.ts';

const CHUNKS = 3;
const BYTES = (CHUNKS - 1) * CHUNK_BYTES + 5;
const lengthOf = (index: number) => (index === CHUNKS - 1 ? 5 : CHUNK_BYTES);
const content = (index: number, version: number) => new Uint8Array(lengthOf(index)).fill(1 + index * 16 + version);

class Killed extends Error {}

/** Files that outlive their process; it dies after `lifetime` bytes written, files made and files cut. */
class MortalFiles implements ChunkFiles {
  lifetime = Infinity;
  readonly chunks = new Map<number, Uint8Array>();
  readonly marks: BlockFile & { bytes: Uint8Array } = {
    bytes: new Uint8Array(0),
    size: async () => this.marks.bytes.byteLength,
    read: async (buffer, at) => fill(buffer, this.marks.bytes.subarray(at)),
    write: async (bytes, at) => {
      this.marks.bytes.set(bytes.subarray(0, this.lifetime), at);
      this.#spend(bytes.byteLength);
    },
    truncate: async (size) => {
      this.#spend(1);
      const resized = new Uint8Array(size);
      resized.set(this.marks.bytes.subarray(0, size));
      this.marks.bytes = resized;
    },
  };

  async read(index: number, buffer: Uint8Array) {
    return fill(buffer, this.chunks.get(index) ?? new Uint8Array(0));
  }
  async write(index: number, bytes: Uint8Array) {
    const file = (this.chunks.get(index) ?? new Uint8Array(0)).slice();
    const part = bytes.subarray(0, this.lifetime);
    const grown = new Uint8Array(Math.max(file.byteLength, part.byteLength));
    grown.set(file);
    grown.set(part);
    this.chunks.set(index, grown);
    this.#spend(bytes.byteLength);
  }
  async remove(index: number) {
    this.#spend(1);
    this.chunks.delete(index);
  }
  async close() {}

  #spend(cost: number) {
    if (cost > this.lifetime) {
      this.lifetime = 0;
      throw new Killed();
    }
    this.lifetime -= cost;
  }
}

function fill(buffer: Uint8Array, there: Uint8Array): number {
  buffer.set(there.subarray(0, buffer.byteLength));
  return Math.min(buffer.byteLength, there.byteLength);
}

describe('StoredFile', () => {
  it('never takes a half-written chunk for whole, wherever the process dies', async () => {
    const write = fc.record({ index: fc.nat(CHUNKS - 1), version: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 6 }), fc.nat(7 * CHUNK_BYTES), async (writes, lifetime) => {
        const file = new MortalFiles();
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
        const file = new MortalFiles();
        file.marks.bytes = new Uint8Array(noise);
        const stored = await StoredFile.open(file, BYTES);
        expect(stored.storedBytes).toBe(0);
        expect(await StoredFile.recognise(file)).toBeDefined();
      }),
    );
  });

  it('forgets a chunk whose file was removed or cut short behind its back, and takes it again', async () => {
    const files = new MortalFiles();
    const stored = await StoredFile.open(files, BYTES);
    for (const index of [0, 1, 2]) await stored.write(index, content(index, 0));
    files.chunks.delete(0);
    files.chunks.set(1, content(1, 0).slice(0, 100));
    const again = await StoredFile.open(files, BYTES);
    for (const index of [0, 1]) expect(await again.read(index, new Uint8Array(CHUNK_BYTES))).toBeUndefined();
    expect(again.storedBytes).toBe(lengthOf(2));
    await again.write(0, content(0, 1));
    expect(Buffer.compare((await again.read(0, new Uint8Array(CHUNK_BYTES)))!, content(0, 1))).toBe(0);
    expect((await StoredFile.open(files, BYTES)).storedBytes).toBe(lengthOf(0) + lengthOf(2));
  });

  it('takes room for what is there only, and gives it back with a chunk', async () => {
    const files = new MortalFiles();
    const stored = await StoredFile.open(files, BYTES);
    expect(files.marks.bytes.byteLength).toBe(16 + CHUNKS);
    await stored.write(2, content(2, 0));
    expect([...files.chunks.keys()]).toEqual([2]);
    await stored.discard(2);
    expect(files.chunks.size).toBe(0);
  });

  it('leaves nothing of a chunk that could not be written whole', async () => {
    const files = new MortalFiles();
    const stored = await StoredFile.open(files, BYTES);
    const write = files.write.bind(files);
    files.write = async (index, bytes) => {
      await write(index, bytes.subarray(0, 3));
      throw new Error('full');
    };
    await expect(stored.write(0, content(0, 0))).rejects.toThrow('full');
    expect(files.chunks.size).toBe(0);
    expect(stored.has(0)).toBe(false);
  });

  it('refuses chunks of the wrong size or place', async () => {
    const stored = await StoredFile.open(new MortalFiles(), BYTES);
    await expect(stored.write(CHUNKS - 1, new Uint8Array(6))).rejects.toThrow(RangeError);
    await expect(stored.write(CHUNKS, new Uint8Array(0))).rejects.toThrow(RangeError);
  });
});

async function writeAll(
  file: MortalFiles,
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
