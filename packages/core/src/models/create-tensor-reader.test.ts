import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { createTensorReader } from './create-tensor-reader.ts';
import { SourceUnavailableError } from './errors.ts';
import { readGguf } from './gguf/index.ts';
import { createHeaderSource } from './header-source.ts';
import { chunksOfRange } from './layer-chunks.ts';
import { CHUNK_BYTES } from './manifest.ts';
import { tinyLlama } from './tiny-llama.fixture.ts';
import type { ChunkSource, ReadChunkOptions } from './chunk-source.ts';
import type { ManifestFile, ModelManifest, TensorInfo } from './manifest.ts';

/** A tiny model whose embedding fills some eleven chunks. */
let bytes: Uint8Array;
let manifest: ModelManifest;
let embedding: TensorInfo;

beforeAll(async () => {
  ({ bytes, manifest } = await tinyLlama({ vocabularySize: 350_000 }));
  embedding = manifest.tensors[0] as TensorInfo;
});

/** Serves `bytes` and records what was asked of it. */
class RecordingSource implements ChunkSource {
  readonly reads: number[] = [];
  readonly options: ReadChunkOptions[] = [];
  /** What to do instead of answering, by chunk. */
  readonly instead = new Map<number, () => Promise<Uint8Array>>();

  readChunk(_file: ManifestFile, index: number, options: ReadChunkOptions = {}): Promise<Uint8Array> {
    this.reads.push(index);
    this.options.push(options);
    const instead = this.instead.get(index);
    if (instead) return instead();
    const piece = bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    options.buffer?.set(piece);
    return Promise.resolve(options.buffer?.subarray(0, piece.length) ?? piece.slice());
  }
}

const setup = (init?: Parameters<typeof createTensorReader>[1]) => {
  const source = new RecordingSource();
  return { source, reader: createTensorReader({ manifest, source }, init) };
};

const expected = (tensor: TensorInfo, offset: number, length: number) =>
  bytes.subarray(tensor.offset + offset, tensor.offset + offset + length);

const same = (actual: Uint8Array, wanted: Uint8Array) => Buffer.compare(actual, wanted) === 0;

describe('createTensorReader', () => {
  it('gives the bytes of any range of any tensor, in any order', async () => {
    const { reader } = setup();
    await fc.assert(
      fc.asyncProperty(fc.nat(manifest.tensors.length - 1), fc.nat(), fc.nat(), async (index, at, size) => {
        const tensor = manifest.tensors[index] as TensorInfo;
        const offset = at % tensor.bytes;
        const length = size % (tensor.bytes - offset + 1);
        expect(same(await reader.read(tensor, offset, length), expected(tensor, offset, length))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('reads each chunk once when tensors are read in file order', async () => {
    const verified: number[] = [];
    const { reader, source } = setup({ onVerified: ({ index }) => verified.push(index) });
    for (const tensor of manifest.tensors) {
      for (let offset = 0; offset < tensor.bytes; offset += 300_000) {
        await reader.read(tensor, offset, Math.min(300_000, tensor.bytes - offset));
      }
    }
    const all = Array.from({ length: manifest.files[0]?.chunks.length ?? 0 }, (_, index) => index);
    expect(source.reads).toEqual(all);
    expect(verified.toSorted((left, right) => left - right)).toEqual(all);
  });

  it('asks for the next chunks before the first is used, and for no more than it may hold', async () => {
    const { reader, source } = setup({ readAheadChunks: 2, heldChunks: 4 });
    await reader.read(embedding, 0, 16);
    expect(source.reads).toEqual([0, 1, 2]);
    await reader.read(embedding, 0, embedding.bytes);
    expect(new Set(source.options.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(4);
  });

  it('returns ranges inside one chunk where they lie', async () => {
    const { reader, source } = setup();
    const view = await reader.read(embedding, 64, 128);
    expect(view.buffer).toBe(source.options[0]?.buffer?.buffer);
  });

  it('reads nothing ahead that the layer range does not need', async () => {
    const { reader, source } = setup({ range: { start: 1, end: 2 } });
    const [needed] = chunksOfRange(manifest, { start: 1, end: 2 });
    const tensor = manifest.tensors.find(({ name }) => name === 'blk.1.attn_q.weight') as TensorInfo;
    await reader.read(tensor, 0, tensor.bytes);
    expect(needed?.chunks).toEqual(expect.arrayContaining(source.reads));
  });

  it('refuses a chunk with a flipped bit, naming file and chunk', async () => {
    const { reader, source } = setup();
    source.instead.set(2, () => {
      const piece = bytes.slice(2 * CHUNK_BYTES, 3 * CHUNK_BYTES);
      piece[5] = (piece[5] ?? 0) ^ 1;
      return Promise.resolve(piece);
    });
    const read = reader.read(embedding, 2 * CHUNK_BYTES, 16);
    await expect(read).rejects.toMatchObject({ code: 'chunk_hash_mismatch' });
    await expect(read).rejects.toThrow('Chunk 2 of tiny.gguf');
  });

  it('refuses a chunk that is too short', async () => {
    const { reader, source } = setup();
    source.instead.set(0, () => Promise.resolve(bytes.slice(0, 1000)));
    await expect(reader.read(embedding, 0, 16)).rejects.toMatchObject({ code: 'chunk_hash_mismatch' });
  });

  it('reads a chunk again whose reading ahead had failed', async () => {
    const { reader, source } = setup();
    source.instead.set(1, () => Promise.reject(new SourceUnavailableError('gone')));
    await reader.read(embedding, 0, 16);
    source.instead.clear();
    const offset = CHUNK_BYTES;
    expect(same(await reader.read(embedding, offset, 16), expected(embedding, offset, 16))).toBe(true);
  });

  it('passes on what the source throws', async () => {
    const { reader, source } = setup();
    source.instead.set(0, () => Promise.reject(new SourceUnavailableError('gone')));
    await expect(reader.read(embedding, 0, 16)).rejects.toMatchObject({ code: 'source_unavailable' });
  });

  it('refuses a second read at once and ranges outside the tensor', async () => {
    const { reader } = setup();
    const first = reader.read(embedding, 0, 16);
    const second = await reader.read(embedding, 0, 16).catch((error: unknown) => error);
    expect(errorCode(second)).toBe('reader_busy');
    await first;
    await expect(reader.read(embedding, embedding.bytes, 1)).rejects.toThrow(RangeError);
  });

  it('stops with the reason of an aborted signal and can go on afterwards', async () => {
    const { reader } = setup();
    const reason = new Error('enough');
    await expect(reader.read(embedding, 0, 16, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(same(await reader.read(embedding, 0, 16), expected(embedding, 0, 16))).toBe(true);
  });
});

describe('createHeaderSource', () => {
  it('gives readGguf the header and touches only the chunks that it reads', async () => {
    const source = new RecordingSource();
    const gguf = await readGguf(createHeaderSource({ manifest, source }));
    expect(gguf.tensors.map(({ offset }) => offset)).toEqual(manifest.tensors.map(({ offset }) => offset));
    expect(source.reads).toEqual([0]);
  });

  it('refuses bytes that are not those of the manifest', async () => {
    const source = new RecordingSource();
    source.instead.set(0, () => Promise.resolve(new Uint8Array(CHUNK_BYTES)));
    await expect(readGguf(createHeaderSource({ manifest, source }))).rejects.toMatchObject({
      code: 'chunk_hash_mismatch',
    });
  });
});
