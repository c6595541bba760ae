import { MAX_GGUF_DIMENSIONS, MAX_GGUF_TENSOR_NAME_BYTES } from '../constants.ts';
import { InvalidGgufError, UnsupportedTensorTypeError } from '../errors.ts';
import { ggmlTypeName, isSupportedTensorType, tensorBytes } from './tensor-types.ts';
import type { TensorType } from '../manifest.ts';
import type { GgufCursor } from './cursor.ts';

/** Where a tensor lies in its file. */
export interface GgufTensor {
  readonly name: string;
  /** Innermost dimension first: `[columns, rows]` for a matrix. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** Reads the table; offsets are relative to the tensor data, which begins after it. */
export async function readTensorTable(cursor: GgufCursor, count: number): Promise<GgufTensor[]> {
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  while (tensors.length < count) {
    const name = await cursor.string('a tensor name', MAX_GGUF_TENSOR_NAME_BYTES);
    if (names.has(name)) throw new InvalidGgufError(`There are two tensors named ${name}.`);
    names.add(name);
    const dimensions = await cursor.uint32();
    if (dimensions < 1 || dimensions > MAX_GGUF_DIMENSIONS) {
      throw new InvalidGgufError(`Tensor ${name} has ${dimensions} dimensions.`);
    }
    const shape: number[] = [];
    while (shape.length < dimensions) {
      shape.push(await cursor.count(`A dimension of ${name}`, Number.MAX_SAFE_INTEGER));
    }
    const type = ggmlTypeName(await cursor.uint32());
    if (!isSupportedTensorType(type)) throw new UnsupportedTensorTypeError(name, type);
    const offset = await cursor.count(`The offset of ${name}`, Number.MAX_SAFE_INTEGER);
    const bytes = tensorBytes(type, shape);
    if (bytes === undefined) throw new InvalidGgufError(`Tensor ${name} cannot have the shape [${shape}] as ${type}.`);
    tensors.push({ name, shape, type, offset, bytes });
  }
  return tensors;
}

/** Makes offsets absolute and refuses tensors that are unaligned, outside the file or overlap. */
export function placeTensors(
  tensors: readonly GgufTensor[],
  { dataOffset, alignment, fileBytes }: { dataOffset: number; alignment: number; fileBytes: number },
): GgufTensor[] {
  for (const { name, offset, bytes } of tensors) {
    if (offset % alignment !== 0) throw new InvalidGgufError(`Tensor ${name} is not aligned to ${alignment} bytes.`);
    // Subtracted, not added: the sum of two safe integers need not be one.
    if (bytes > fileBytes - dataOffset || offset > fileBytes - dataOffset - bytes) {
      throw new InvalidGgufError(`Tensor ${name} lies outside the file.`);
    }
  }
  let end = 0;
  for (const { name, offset, bytes } of tensors.toSorted((left, right) => left.offset - right.offset)) {
    if (offset < end) throw new InvalidGgufError(`Tensor ${name} overlaps another.`);
    end = offset + bytes;
  }
  return tensors.map((tensor) => ({ ...tensor, offset: dataOffset + tensor.offset }));
}
