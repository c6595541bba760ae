import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantize, float16Value } from './dequantize.ts';
import { TENSOR_TYPE_LAYOUTS } from './gguf/tensor-types.ts';
import { TENSOR_TYPES } from './manifest.ts';

const half = fc.integer({ min: 0, max: 0xffff }).filter((bits) => (bits & 0x7c00) !== 0x7c00);
const nibbles = fc.uint8Array({ minLength: 16, maxLength: 16 });
const low = (quants: Uint8Array) => [...quants].map((pair) => pair & 15);
const high = (quants: Uint8Array) => [...quants].map((pair) => pair >> 4);
const littleEndian = (...words: number[]) => words.flatMap((word) => [word & 255, word >> 8]);
const bytesOf = (array: ArrayLike<number>) => Uint8Array.from(array);

describe('dequantize', () => {
  it('reads half precision as the platform does, for every bit pattern', () => {
    const view = new DataView(new ArrayBuffer(2)) as DataView & { getFloat16?: (offset: number) => number };
    expect(view.getFloat16).toBeTypeOf('function');
    for (let bits = 0; bits < 65_536; bits++) {
      view.setUint16(0, bits);
      if (!Object.is(float16Value(bits), view.getFloat16?.(0))) expect.fail(`bits ${bits.toString(16)}`);
    }
  });

  it('returns float32 bytes unchanged, at any alignment', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true }), (values) => {
        const shifted = new Uint8Array(values.byteLength + 1);
        shifted.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 1);
        expect(dequantize('F32', shifted.subarray(1), values.length)).toEqual(values);
      }),
    );
  });

  it('decodes F16 element by element', () => {
    fc.assert(
      fc.property(fc.array(half), (words) => {
        const decoded = dequantize('F16', bytesOf(littleEndian(...words)), words.length);
        expect([...decoded]).toEqual(words.map(float16Value));
      }),
    );
  });

  it('decodes a Q8_0 block as scale times signed byte', () => {
    fc.assert(
      fc.property(half, fc.int8Array({ minLength: 32, maxLength: 32 }), (scale, quants) => {
        const bytes = bytesOf([...littleEndian(scale), ...new Uint8Array(quants.buffer, quants.byteOffset, 32)]);
        const expected = Float32Array.from(quants, (quant) => float16Value(scale) * quant);
        expect(dequantize('Q8_0', bytes, 32)).toEqual(expected);
      }),
    );
  });

  it('decodes a Q4_0 block: low halves first, offset by eight', () => {
    fc.assert(
      fc.property(half, nibbles, (scale, quants) => {
        const expected = [...low(quants), ...high(quants)].map((quant) => float16Value(scale) * (quant - 8));
        expect(dequantize('Q4_0', bytesOf([...littleEndian(scale), ...quants]), 32)).toEqual(
          Float32Array.from(expected),
        );
      }),
    );
  });

  it('decodes a Q4_1 block: low halves first, scale and minimum', () => {
    fc.assert(
      fc.property(half, half, nibbles, (scale, minimum, quants) => {
        const expected = [...low(quants), ...high(quants)].map(
          (quant) => float16Value(scale) * quant + float16Value(minimum),
        );
        expect(dequantize('Q4_1', bytesOf([...littleEndian(scale, minimum), ...quants]), 32)).toEqual(
          Float32Array.from(expected),
        );
      }),
    );
  });

  it('decodes several blocks as each alone', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TENSOR_TYPES),
        fc.integer({ min: 0, max: 5 }),
        fc.infiniteStream(fc.nat(255)),
        (type, blocks, stream) => {
          const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[type];
          const data = bytesOf(Array.from({ length: blocks * blockBytes }, () => stream.next().value as number));
          const alone = Array.from({ length: blocks }, (_, index) => [
            ...dequantize(type, data.subarray(index * blockBytes, (index + 1) * blockBytes), blockElements),
          ]);
          expect([...dequantize(type, data, blocks * blockElements)]).toEqual(alone.flat());
        },
      ),
    );
  });

  it('refuses any byte length other than the exact one with a typed error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TENSOR_TYPES),
        fc.integer({ min: -64, max: 128 }),
        fc.integer({ min: 0, max: 256 }),
        (type, count, length) => {
          const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[type];
          fc.pre(count < 0 || (count / blockElements) * blockBytes !== length);
          expect(() => dequantize(type, new Uint8Array(length), count)).toThrow(
            expect.objectContaining({ code: 'tensor_size_mismatch' }),
          );
        },
      ),
    );
  });
});
