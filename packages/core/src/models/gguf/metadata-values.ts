import { MAX_GGUF_ARRAY_ELEMENTS, MAX_GGUF_ARRAY_LENGTH, MAX_GGUF_NESTING_DEPTH } from '../constants.ts';
import { MAX_GGUF_STRING_BYTES } from '../constants.ts';
import { InvalidGgufError } from '../errors.ts';
import type { GgufCursor } from './cursor.ts';

/** A metadata value; 64-bit integers are numbers where those are exact, else bigints. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

interface Scalar {
  readonly bytes: number;
  read(view: DataView, at: number): number | bigint | boolean;
}

const STRING_TYPE = 8;
const ARRAY_TYPE = 9;

/** `gguf_metadata_value_type` of the GGUF specification, less strings and arrays. */
const SCALARS: ReadonlyMap<number, Scalar> = new Map<number, Scalar>([
  [0, { bytes: 1, read: (view, at) => view.getUint8(at) }],
  [1, { bytes: 1, read: (view, at) => view.getInt8(at) }],
  [2, { bytes: 2, read: (view, at) => view.getUint16(at, true) }],
  [3, { bytes: 2, read: (view, at) => view.getInt16(at, true) }],
  [4, { bytes: 4, read: (view, at) => view.getUint32(at, true) }],
  [5, { bytes: 4, read: (view, at) => view.getInt32(at, true) }],
  [6, { bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
  [7, { bytes: 1, read: (view, at) => boolean(view.getUint8(at)) }],
  [10, { bytes: 8, read: (view, at) => exact(view.getBigUint64(at, true)) }],
  [11, { bytes: 8, read: (view, at) => exact(view.getBigInt64(at, true)) }],
  [12, { bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
]);

/** Array elements read between two looks at the window. */
const RUN_ELEMENTS = 4_096;

/** Elements that the arrays of one file may still have. */
export interface ElementBudget {
  left: number;
}

export const createElementBudget = (): ElementBudget => ({ left: MAX_GGUF_ARRAY_ELEMENTS });

/** Reads the value of `key`, its type first. */
export async function readMetadataValue(cursor: GgufCursor, key: string, budget: ElementBudget): Promise<GgufValue> {
  const type = await cursor.uint32();
  return readValue(cursor, type, key, budget, 0);
}

async function readValue(
  cursor: GgufCursor,
  type: number,
  key: string,
  budget: ElementBudget,
  depth: number,
): Promise<GgufValue> {
  if (type === STRING_TYPE) return cursor.string(key, MAX_GGUF_STRING_BYTES);
  if (type === ARRAY_TYPE) return readArray(cursor, key, budget, depth + 1);
  const scalar = scalarOf(type, key);
  if (!cursor.holds(scalar.bytes)) await cursor.fill(scalar.bytes);
  const { view, at } = cursor.take(scalar.bytes);
  return scalar.read(view, at);
}

async function readArray(cursor: GgufCursor, key: string, budget: ElementBudget, depth: number): Promise<GgufValue[]> {
  if (depth > MAX_GGUF_NESTING_DEPTH) throw new InvalidGgufError(`${key} nests arrays too deep.`);
  const type = await cursor.uint32();
  const length = await cursor.count(`The array length of ${key}`, MAX_GGUF_ARRAY_LENGTH);
  if (length > budget.left) throw new InvalidGgufError(`The arrays up to ${key} have too many elements.`);
  budget.left -= length;
  // An honest length fits what is left of the file; checked before anything is kept.
  if (length * leastBytes(type, key) > cursor.remaining) {
    throw new InvalidGgufError(`The array of ${key} is longer than the file.`);
  }
  if (type === STRING_TYPE) return readStrings(cursor, key, length);
  const values: GgufValue[] = [];
  if (type === ARRAY_TYPE) {
    while (values.length < length) values.push(await readArray(cursor, key, budget, depth + 1));
    return values;
  }
  const scalar = scalarOf(type, key);
  while (values.length < length) {
    const run = Math.min(length - values.length, RUN_ELEMENTS);
    if (!cursor.holds(run * scalar.bytes)) await cursor.fill(run * scalar.bytes);
    const { view, at } = cursor.take(run * scalar.bytes);
    for (let index = 0; index < run; index++) values.push(scalar.read(view, at + index * scalar.bytes));
  }
  return values;
}

async function readStrings(cursor: GgufCursor, key: string, length: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < length) {
    if (!cursor.holds(8)) await cursor.fill(8);
    const bytes = cursor.takeCount(`The length of a string of ${key}`, MAX_GGUF_STRING_BYTES);
    if (!cursor.holds(bytes)) await cursor.fill(bytes);
    values.push(cursor.takeText(bytes));
  }
  return values;
}

/** Fewest bytes an element may take: a length for strings, a type and a length for arrays. */
function leastBytes(type: number, key: string): number {
  if (type === STRING_TYPE) return 8;
  return type === ARRAY_TYPE ? 12 : scalarOf(type, key).bytes;
}

function scalarOf(type: number, key: string): Scalar {
  const scalar = SCALARS.get(type);
  if (!scalar) throw new InvalidGgufError(`${key} has unknown value type ${type}.`);
  return scalar;
}

function boolean(value: number): boolean {
  if (value > 1) throw new InvalidGgufError(`A boolean is stored as ${value}.`);
  return value === 1;
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
