/** Between 32-bit floats and the bytes of 16-bit ones: little-endian, rounded to the nearest, ties to even. */
export interface Float16Conversion {
  encode(values: Float32Array): Uint8Array<ArrayBuffer>;
  /** Whole values; `bytes` may start anywhere in its buffer. */
  decode(bytes: Uint8Array): Float32Array;
}

/** What becomes infinite from here on, in either direction. */
export const FLOAT16_OVERFLOW = 65_520;

interface Float16ArrayConstructor {
  new (values: Float32Array): { readonly buffer: ArrayBuffer };
  new (buffer: ArrayBufferLike, offset: number, length: number): ArrayLike<number>;
}

/** The types of this project's target do not know it yet; current browsers and Node have it. */
const { Float16Array } = globalThis as { Float16Array?: Float16ArrayConstructor };

/** Where there is no `Float16Array`. */
export const portableFloat16: Float16Conversion = {
  encode: (values) => new Uint8Array(Uint16Array.from(values, toHalf).buffer),
  decode: (bytes) => Float32Array.from(new Uint16Array(bytes.slice().buffer), fromHalf),
};

/** The host's conversion, or our own where it has none. */
export const float16: Float16Conversion = Float16Array === undefined ? portableFloat16 : nativeFloat16(Float16Array);

function nativeFloat16(Half: Float16ArrayConstructor): Float16Conversion {
  return {
    encode: (values) => new Uint8Array(new Half(values).buffer),
    decode(bytes) {
      const { buffer, byteOffset } = byteOffsetIsEven(bytes) ? bytes : bytes.slice();
      return new Float32Array(new Half(buffer, byteOffset, bytes.byteLength / 2));
    },
  };
}

const byteOffsetIsEven = ({ byteOffset }: Uint8Array): boolean => byteOffset % 2 === 0;

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

function toHalf(value: number): number {
  single[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const magnitude = word[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  // Below the smallest normal number: beside 0.5 a 32-bit float's last bit is worth 2^-24, as a subnormal's is.
  single[0] = Math.abs(value) + 0.5;
  return sign | (word[0]! - 0x3f000000);
}

function fromHalf(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >>> 15 === 0 ? 1 : -1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
