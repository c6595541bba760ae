/** Writes GGUF files for tests. */

type Scalar = { readonly type: number; readonly value: number | bigint | boolean };

export type FixtureValue =
  | string
  | Scalar
  | { readonly type: 'array'; readonly of: number; readonly values: readonly FixtureValue[] };

export interface FixtureTensor {
  readonly name: string;
  readonly shape: readonly (number | bigint)[];
  /** ggml type id. */
  readonly type: number;
  readonly offset: number | bigint;
}

export interface FixtureFile {
  readonly version?: number;
  readonly metadata?: readonly (readonly [key: string, value: FixtureValue])[];
  readonly tensors?: readonly FixtureTensor[];
  /** Bytes after the header and its padding. */
  readonly dataBytes?: number;
  readonly alignment?: number;
  readonly counts?: { readonly tensors?: bigint; readonly keys?: bigint };
}

export const uint32 = (value: number): FixtureValue => ({ type: 4, value });
export const float32 = (value: number): FixtureValue => ({ type: 6, value });
export const bool = (value: boolean): FixtureValue => ({ type: 7, value });
export const uint64 = (value: bigint): FixtureValue => ({ type: 10, value });
export const strings = (values: readonly string[]): FixtureValue => ({ type: 'array', of: 8, values });
export const int32s = (values: readonly number[]): FixtureValue => ({
  type: 'array',
  of: 5,
  values: values.map((value) => ({ type: 5, value })),
});

const ARRAY = 9;
const STRING = 8;

/** Encodes a GGUF file, honest or not. */
export function encodeGguf(file: FixtureFile): Uint8Array {
  const out: number[] = [];
  const { version = 3, metadata = [], tensors = [], dataBytes = 0, alignment = 32 } = file;
  out.push(...new TextEncoder().encode('GGUF'));
  number(out, version, 4);
  number(out, file.counts?.tensors ?? tensors.length, 8);
  number(out, file.counts?.keys ?? metadata.length, 8);
  for (const [key, value] of metadata) {
    text(out, key);
    number(out, typeOf(value), 4);
    encodeValue(out, value);
  }
  for (const { name, shape, type, offset } of tensors) {
    text(out, name);
    number(out, shape.length, 4);
    for (const dimension of shape) number(out, dimension, 8);
    number(out, type, 4);
    number(out, offset, 8);
  }
  const bytes = new Uint8Array(Math.ceil(out.length / alignment) * alignment + dataBytes);
  bytes.set(out);
  return bytes;
}

const typeOf = (value: FixtureValue): number => {
  if (typeof value === 'string') return STRING;
  return value.type === 'array' ? ARRAY : value.type;
};

function encodeValue(out: number[], value: FixtureValue): void {
  if (typeof value === 'string') text(out, value);
  else if (value.type === 'array') {
    number(out, value.of, 4);
    number(out, value.values.length, 8);
    for (const element of value.values) encodeValue(out, element);
  } else scalar(out, value);
}

function scalar(out: number[], { type, value }: Scalar): void {
  if (type === 6) out.push(...new Uint8Array(new Float32Array([Number(value)]).buffer));
  else number(out, BigInt(value), [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8][type] ?? 8);
}

function text(out: number[], value: string): void {
  const bytes = new TextEncoder().encode(value);
  number(out, bytes.length, 8);
  for (const byte of bytes) out.push(byte);
}

function number(out: number[], value: number | bigint, bytes: number): void {
  const bits = BigInt.asUintN(64, BigInt(value));
  for (let index = 0; index < bytes; index++) out.push(Number((bits >> BigInt(8 * index)) & 0xffn));
}
