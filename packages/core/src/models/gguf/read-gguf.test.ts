import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../../errors.ts';
import { bytesSource } from './byte-source.ts';
import { bool, encodeGguf, float32, int32s, strings, uint32, uint64 } from './gguf-file.fixture.ts';
import { readGguf } from './read-gguf.ts';
import type { ByteSource } from './byte-source.ts';
import type { FixtureFile } from './gguf-file.fixture.ts';

const F32 = 0;
const Q4_1 = 3;
const Q4_K = 12;

const SMALL: FixtureFile = {
  metadata: [
    ['general.architecture', 'llama'],
    ['general.alignment', uint32(64)],
    ['an.epsilon', float32(0.5)],
    ['a.flag', bool(true)],
    ['a.long', uint64(2n ** 63n)],
    ['tokens', strings(['a', '\u{feff}', 'é', ''])],
    ['types', int32s([1, -1, 3])],
    ['nested', { type: 'array', of: 9, values: [int32s([1]), int32s([])] }],
  ],
  tensors: [
    { name: 'one', shape: [64, 2], type: Q4_1, offset: 0 },
    { name: 'two', shape: [3], type: F32, offset: 128 },
  ],
  dataBytes: 140,
  alignment: 64,
};

const read = (file: FixtureFile) => readGguf(bytesSource(encodeGguf(file)));
const failure = (file: FixtureFile) => read(file).catch((error: unknown) => error as Error);
const tensor = (overrides: object) => ({ name: 'one', shape: [4], type: F32, offset: 0, ...overrides });

describe('readGguf', () => {
  it('reads metadata of every kind and places tensors from the start of the file', async () => {
    const gguf = await read(SMALL);
    expect(Object.fromEntries(gguf.metadata)).toEqual({
      'general.architecture': 'llama',
      'general.alignment': 64,
      'an.epsilon': 0.5,
      'a.flag': true,
      'a.long': 2n ** 63n,
      tokens: ['a', '\u{feff}', 'é', ''],
      types: [1, -1, 3],
      nested: [[1], []],
    });
    expect(gguf.tensorDataOffset % 64).toBe(0);
    expect(gguf.tensorDataOffset - gguf.headerBytes).toBeLessThan(64);
    expect(gguf.tensors).toEqual([
      { name: 'one', shape: [64, 2], type: 'Q4_1', offset: gguf.tensorDataOffset, bytes: 80 },
      { name: 'two', shape: [3], type: 'F32', offset: gguf.tensorDataOffset + 128, bytes: 12 },
    ]);
  });

  it('reads version 2 and refuses others by number', async () => {
    expect((await read({ ...SMALL, version: 2 })).version).toBe(2);
    expect((await failure({ ...SMALL, version: 1 })) as Error).toHaveProperty(
      'message',
      'GGUF version 1 is not supported.',
    );
    expect(await failure({ ...SMALL, version: 0x03000000 })).toHaveProperty(
      'message',
      'Big-endian GGUF is not supported.',
    );
  });

  it('refuses an unsupported tensor type by name', async () => {
    const error = await failure({ tensors: [tensor({ type: Q4_K, shape: [256] })] });
    expect(errorCode(error)).toBe('unsupported_tensor_type');
    expect(error).toHaveProperty('message', 'Tensor one has type Q4_K, which is not supported.');
  });

  it.each<[string, FixtureFile, RegExp]>([
    ['a tensor outside the file', { tensors: [tensor({})], dataBytes: 15 }, /outside the file/],
    ['an offset whose end overflows', { tensors: [tensor({ offset: 2n ** 53n - 32n })] }, /outside the file/],
    ['an offset of 64 bits', { tensors: [tensor({ offset: 2n ** 64n - 32n })] }, /at most/],
    ['a shape whose size overflows', { tensors: [tensor({ shape: [2n ** 40n, 2n ** 40n] })] }, /cannot have the shape/],
    ['an empty tensor', { tensors: [tensor({ shape: [4, 0] })] }, /cannot have the shape/],
    ['rows that blocks do not divide', { tensors: [tensor({ type: Q4_1, shape: [33] })] }, /cannot have the shape/],
    ['five dimensions', { tensors: [tensor({ shape: [1, 1, 1, 1, 1] })] }, /5 dimensions/],
    ['an unaligned tensor', { tensors: [tensor({ offset: 4 })], dataBytes: 64 }, /not aligned/],
    [
      'overlapping tensors',
      { tensors: [tensor({ shape: [16] }), tensor({ name: 'two', offset: 32 })], dataBytes: 64 },
      /overlaps/,
    ],
    ['two tensors of one name', { tensors: [tensor({}), tensor({ offset: 32 })], dataBytes: 64 }, /two tensors/],
    [
      'a key that comes twice',
      {
        metadata: [
          ['a', 'b'],
          ['a', 'c'],
        ],
      },
      /twice/,
    ],
    ['arrays nested too deep', { metadata: [['a', nest(6)]] }, /too deep/],
    ['an alignment of 3', { metadata: [['general.alignment', uint32(3)]] }, /alignment/],
    ['too many keys', { counts: { keys: 2n ** 40n } }, /number of metadata keys/],
    ['too many tensors', { counts: { tensors: 2n ** 63n } }, /number of tensors/],
    ['a header that ends early', { counts: { tensors: 3n } }, /before it is complete/],
  ])('refuses %s', async (_, file, message) => {
    const error = await failure(file);
    expect(errorCode(error)).toBe('invalid_gguf');
    expect((error as Error).message).toMatch(message);
  });

  it('asks for no piece beyond the header by more than the pieces grow', async () => {
    const bytes = encodeGguf({ metadata: [['text', 'x'.repeat(200_000)]], dataBytes: 3_000_000 });
    const source = recordingSource(bytes);
    const { headerBytes } = await readGguf(source);
    expect(source.readBytes()).toBeLessThan(headerBytes * 2);
  });

  it('stops when aborted between pieces', async () => {
    const controller = new AbortController();
    const source = recordingSource(encodeGguf({ metadata: [['text', 'x'.repeat(200_000)]] }), () => controller.abort());
    await expect(readGguf(source, { signal: controller.signal })).rejects.toHaveProperty('name', 'AbortError');
  });

  it('answers arbitrary bytes with a typed error', async () => {
    const magic = [...new TextEncoder().encode('GGUF'), 3, 0, 0, 0];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (noise, plausible) => {
        await expectTyped(new Uint8Array(plausible ? [...magic, ...noise] : noise));
      }),
      { numRuns: 500 },
    );
  });

  it('answers damaged files with a typed error or a file', async () => {
    const whole = encodeGguf(SMALL);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(whole.length), async (edits, length) => {
        const bytes = whole.slice(0, length % 3 === 0 ? length : whole.length);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        await expectTyped(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});

async function expectTyped(bytes: Uint8Array): Promise<void> {
  const outcome = await readGguf(bytesSource(bytes)).catch((error: unknown) => error);
  if (outcome instanceof Error) expect(['invalid_gguf', 'unsupported_tensor_type']).toContain(errorCode(outcome));
  else {
    const { tensors } = outcome as Awaited<ReturnType<typeof readGguf>>;
    for (const { offset, bytes: size } of tensors) expect(offset + size).toBeLessThanOrEqual(bytes.length);
  }
}

function nest(depth: number): ReturnType<typeof int32s> {
  return depth === 1 ? int32s([1]) : { type: 'array', of: 9, values: [nest(depth - 1)] };
}

function recordingSource(bytes: Uint8Array, onRead?: () => void): ByteSource & { readBytes(): number } {
  let total = 0;
  return {
    bytes: bytes.length,
    readBytes: () => total,
    read: (offset, length) => {
      total += length;
      onRead?.();
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}
