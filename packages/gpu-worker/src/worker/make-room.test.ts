import { chunkLength, chunksOfRange, manifestHash, numberChunks } from '@opengateway/core';
import { FakeClock } from '@opengateway/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../storage/memory.ts';
import { createTinyModel } from '../testing/tiny-model.ts';
import { makeRoom } from './make-room.ts';
import type { LayerRange, ManifestHash, ModelManifest } from '@opengateway/core';
import type { WeightsStore } from '../storage/weights-store.ts';

const OTHER_BYTES = 1_000;
/** Several chunks, and layers that share few of them. */
const MODEL = { architecture: { hiddenSize: 256, feedForwardSize: 1024, queryHeadCount: 16 } };
const hashOf = (letter: string) => letter.repeat(64) as ManifestHash;

let clock: FakeClock;
let store: WeightsStore;
let manifest: ModelManifest;
let hash: ManifestHash;
let bytes: number;

beforeEach(async () => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  ({ manifest } = await createTinyModel(MODEL));
  hash = await manifestHash(manifest);
  bytes = manifest.files[0]!.bytes;
});

const layers = () => ({ start: 0, end: manifest.architecture.layerCount });
const room = (over: { storageBytes?: number; freeBytes?: number }, wanted: LayerRange = layers()) =>
  makeRoom(store, { manifest, hash, layers: wanted, storageBytes: Infinity, freeBytes: Infinity, ...over });

function chunkBytesOf(range: LayerRange): number {
  const chunks = numberChunks(manifest);
  return chunks.bytesOf(chunks.ofRange(range));
}

async function keepOther(letter: string): Promise<void> {
  await clock.advance(1_000);
  const key = { manifest: hashOf(letter), file: { name: 'x', bytes: OTHER_BYTES } };
  await store.write(key, 0, new Uint8Array(OTHER_BYTES));
}

const keepOwn = async (): Promise<void> => {
  for (const { file, chunks } of chunksOfRange(manifest, layers())) {
    for (const index of chunks) {
      const length = chunkLength(manifest.files[file]!, index);
      await store.write({ manifest: hash, file: manifest.files[file]! }, index, new Uint8Array(length));
    }
  }
};

const left = async () => (await store.models()).map((model) => model.manifest[0]).sort();

describe('room for a model', () => {
  it('is made by letting go of what was used longest ago, and of no more than that', async () => {
    for (const letter of ['a', 'b', 'c', 'a']) await keepOther(letter);
    expect(await room({ storageBytes: bytes + 2 * OTHER_BYTES })).toBeUndefined();
    expect(await left()).toEqual(['a', 'c']);
    expect(await room({ storageBytes: bytes + OTHER_BYTES })).toBeUndefined();
    expect(await left()).toEqual(['a']);
  });

  it('is made where the disk is short of it, too', async () => {
    for (const letter of ['a', 'b', 'c']) await keepOther(letter);
    expect(await room({ freeBytes: bytes - 1 })).toBeUndefined();
    expect(await left()).toEqual(['b', 'c']);
    expect(await room({ freeBytes: bytes })).toBeUndefined();
    expect(await left()).toEqual(['b', 'c']);
  });

  it('is refused by name, with the others kept, where all of it would not do', async () => {
    for (const letter of ['a', 'b']) await keepOther(letter);
    const refused = await room({ freeBytes: bytes - 2 * OTHER_BYTES - 1 });
    expect(refused).toMatchObject({
      code: 'storage_full',
      lack: { neededBytes: bytes, roomBytes: bytes - 2 * OTHER_BYTES - 1, bound: 'free' },
    });
    expect(await left()).toEqual(['a', 'b']);
  });

  it('is not needed twice for what is kept already', async () => {
    await keepOther('a');
    await keepOwn();
    expect(await room({ storageBytes: bytes + OTHER_BYTES, freeBytes: 0 })).toBeUndefined();
    expect(await left()).toHaveLength(2);
  });

  it('is made by letting go of what is kept of the model beside the layers', async () => {
    await keepOther('a');
    await keepOwn();
    const part = { start: 0, end: 1 };
    const partBytes = chunkBytesOf(part);
    expect(partBytes).toBeLessThan(bytes);
    expect(await room({ storageBytes: partBytes + OTHER_BYTES - 1 }, part)).toBeUndefined();
    const kept = (await store.models()).map((model) => [model.manifest, model.bytes]);
    expect(kept).toEqual([[hash, partBytes]]);
  });

  it('is refused with numbers, and with the part that there is room for', async () => {
    const roomBytes = chunkBytesOf({ start: 0, end: 2 });
    expect((await room({ freeBytes: roomBytes }))?.message).toBe(
      `Needs ${Math.ceil(bytes / 1e6)} MB, ${Math.floor(roomBytes / 1e6)} MB are free here: it is not kept, and is ` +
        `fetched again next time. Layers 0 to 1 of 4 would fit, with ${Math.ceil(roomBytes / 1e6)} MB.`,
    );
    expect((await room({ storageBytes: 5 }))?.message).toMatch(/^Needs \d+ MB, 0 MB are lent here: .* next time\.$/);
  });

  it('is refused to a model larger than what the person lends, of which nothing is kept then', async () => {
    await keepOther('a');
    await keepOwn();
    expect(await room({ storageBytes: bytes - 1 })).toMatchObject({ code: 'storage_full' });
    expect(await left()).toEqual(['a']);
  });
});
