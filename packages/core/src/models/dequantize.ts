import { OpenGatewayError } from '../errors.ts';
import { TENSOR_TYPE_LAYOUTS } from './gguf/tensor-types.ts';
import type { TensorType } from './manifest.ts';

/** A count of elements that is not whole blocks, or bytes that do not hold exactly that many. */
export class TensorSizeMismatchError extends OpenGatewayError {
  static override readonly name = 'TensorSizeMismatchError';
  constructor(type: TensorType, count: number, bytes: number) {
    super('tensor_size_mismatch', `${bytes} bytes are not ${count} elements of ${type}.`);
  }
}

/**
 * Decodes `count` elements of GGML type `type` to float32, by the block layouts of ggml's `ggml-common.h`:
 * `Q8_0` f16 d, 32 int8 (d·q); `Q4_0` f16 d, 16 bytes (d·(q - 8)); `Q4_1` f16 d, f16 m, 16 bytes (d·q + m).
 * In 4-bit blocks byte i holds element i in its low and element i + 16 in its high half.
 *
 * @throws TensorSizeMismatchError
 */
export function dequantize(type: TensorType, bytes: Uint8Array, count: number): Float32Array {
  const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[type];
  const blocks = count / blockElements;
  if (!Number.isInteger(blocks) || blocks < 0 || blocks * blockBytes !== bytes.byteLength) {
    throw new TensorSizeMismatchError(type, count, bytes.byteLength);
  }
  const values = new Float32Array(count);
  DECODERS[type](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), blocks, values);
  return values;
}

/** The value of an IEEE 754 half-precision number given by its 16 bits. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

type Decoder = (view: DataView, blocks: number, values: Float32Array) => void;

const DECODERS: Readonly<Record<TensorType, Decoder>> = {
  F32(view, blocks, values) {
    for (let index = 0; index < blocks; index++) values[index] = view.getFloat32(index * 4, true);
  },
  F16(view, blocks, values) {
    for (let index = 0; index < blocks; index++) values[index] = float16Value(view.getUint16(index * 2, true));
  },
  Q8_0(view, blocks, values) {
    for (let block = 0; block < blocks; block++) {
      const offset = block * 34;
      const scale = float16Value(view.getUint16(offset, true));
      for (let i = 0; i < 32; i++) values[block * 32 + i] = scale * view.getInt8(offset + 2 + i);
    }
  },
  Q4_0(view, blocks, values) {
    for (let block = 0; block < blocks; block++) {
      const offset = block * 18;
      const scale = float16Value(view.getUint16(offset, true));
      for (let i = 0; i < 16; i++) {
        const pair = view.getUint8(offset + 2 + i);
        values[block * 32 + i] = scale * ((pair & 15) - 8);
        values[block * 32 + 16 + i] = scale * ((pair >> 4) - 8);
      }
    }
  },
  Q4_1(view, blocks, values) {
    for (let block = 0; block < blocks; block++) {
      const offset = block * 20;
      const scale = float16Value(view.getUint16(offset, true));
      const minimum = float16Value(view.getUint16(offset + 2, true));
      for (let i = 0; i < 16; i++) {
        const pair = view.getUint8(offset + 4 + i);
        values[block * 32 + i] = scale * (pair & 15) + minimum;
        values[block * 32 + 16 + i] = scale * (pair >> 4) + minimum;
      }
    }
  },
};
