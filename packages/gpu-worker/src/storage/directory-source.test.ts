import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHUNK_BYTES } from '@opengateway/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectorySource } from './directory-source.ts';
import { sameBytes } from './weights-store.contract.ts';
import type { ChunkSource } from '@opengateway/core';

const CONTENT = Uint8Array.from({ length: CHUNK_BYTES + 100 }, (_, at) => (at * 13) & 0xff);
const FILE = { name: 'x.gguf', bytes: CONTENT.length, chunks: [] };

let path: string;
let source: ChunkSource;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'opengateway-source-'));
  await writeFile(join(path, 'x.gguf'), CONTENT);
  source = createDirectorySource({ path });
});
afterEach(async () => {
  await source.close?.();
  await rm(path, { recursive: true });
});

describe('createDirectorySource', () => {
  it('reads chunks, the last one shorter, into the buffer it is given', async () => {
    const buffer = new Uint8Array(CHUNK_BYTES);
    expect(sameBytes(await source.readChunk(FILE, 0), CONTENT.subarray(0, CHUNK_BYTES))).toBe(true);
    const last = await source.readChunk(FILE, 1, { buffer });
    expect(sameBytes(last, CONTENT.subarray(CHUNK_BYTES))).toBe(true);
    expect(last.buffer).toBe(buffer.buffer);
  });

  it('names a file that is missing or too short', async () => {
    await expect(source.readChunk({ ...FILE, name: 'y.gguf' }, 0)).rejects.toThrow('y.gguf cannot be read.');
    const longer = { ...FILE, bytes: FILE.bytes + 1 };
    await expect(source.readChunk(longer, 1)).rejects.toMatchObject({ code: 'source_unavailable' });
  });

  it('opens a file again that was missing before', async () => {
    const late = { ...FILE, name: 'late.gguf' };
    await expect(source.readChunk(late, 1)).rejects.toMatchObject({ code: 'source_unavailable' });
    await writeFile(join(path, 'late.gguf'), CONTENT);
    expect((await source.readChunk(late, 1)).byteLength).toBe(100);
  });
});
