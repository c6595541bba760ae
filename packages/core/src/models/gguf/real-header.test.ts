import { open } from 'node:fs/promises';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../errors.ts';
import { readGguf } from './read-gguf.ts';
import type { ByteSource } from './byte-source.ts';

const MODEL = new URL('../../../../../models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url);
const HEADER_BYTES = 1_785_664;

/** The embedded model's header; nothing behind it is ever read. */
let header: Uint8Array;
let fileBytes: number;

beforeAll(async () => {
  await using handle = await open(MODEL);
  header = new Uint8Array(HEADER_BYTES);
  await handle.read(header, 0, HEADER_BYTES, 0);
  fileBytes = (await handle.stat()).size;
});

const sourceOf = (bytes: Uint8Array): ByteSource => ({
  bytes: fileBytes,
  // Pieces may reach a little beyond the header.
  read: (offset, length) => {
    const piece = new Uint8Array(length);
    piece.set(bytes.subarray(offset, offset + length));
    return Promise.resolve(piece);
  },
});

describe('readGguf on the embedded model', () => {
  it('finds its metadata and tensors', async () => {
    const gguf = await readGguf(sourceOf(header));
    expect(gguf.headerBytes).toBe(HEADER_BYTES);
    expect(gguf.tensors).toHaveLength(272);
    expect(gguf.metadata.get('general.architecture')).toBe('llama');
    expect(gguf.metadata.get('tokenizer.ggml.tokens')).toHaveLength(49_152);
    expect(gguf.tensors.at(-1)).toEqual({
      name: 'output_norm.weight',
      shape: [576],
      type: 'F32',
      offset: HEADER_BYTES + 96_574_464,
      bytes: 2304,
    });
  });

  it('survives damage anywhere in its header', async () => {
    // Where counts, types and shapes lie, a flipped byte does most: the first keys and the tensor table.
    const place = fc.oneof(fc.nat(1_500), fc.integer({ min: HEADER_BYTES - 18_000, max: HEADER_BYTES - 1 }));
    const edits = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(edits, async (damage) => {
        const bytes = header.slice();
        for (const [at, value] of damage) bytes[at] = value;
        const outcome = await readGguf(sourceOf(bytes)).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          expect(['invalid_gguf', 'unsupported_tensor_type']).toContain(errorCode(outcome));
        }
      }),
      { numRuns: 60 },
    );
  });
});
