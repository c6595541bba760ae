import { InvalidGgufError } from '../errors.ts';
import type { GgufValue } from './metadata-values.ts';

type Metadata = ReadonlyMap<string, GgufValue>;

/** Typed access to metadata: a missing key gives the fallback, or is refused where there is none. */
export const metadataFields = (metadata: Metadata) => ({
  text: (key: string, fallback?: string): string => field(metadata, key, isText, fallback),
  number: (key: string, fallback?: number): number => field(metadata, key, isNumber, fallback),
  count: (key: string, fallback?: number): number => field(metadata, key, isCount, fallback),
  flag: (key: string, fallback?: boolean): boolean => field(metadata, key, isFlag, fallback),
  texts: (key: string, fallback?: readonly string[]): readonly string[] => field(metadata, key, isTexts, fallback),
  numbers: (key: string, fallback?: readonly number[]): readonly number[] => field(metadata, key, isNumbers, fallback),
  has: (key: string): boolean => metadata.has(key),
});

export type MetadataFields = ReturnType<typeof metadataFields>;

function field<T extends GgufValue>(
  metadata: Metadata,
  key: string,
  is: (value: GgufValue) => value is T,
  fallback: T | undefined,
): T {
  const value = metadata.get(key) ?? fallback;
  if (value === undefined) throw new InvalidGgufError(`The metadata lacks ${key}.`);
  if (!is(value)) throw new InvalidGgufError(`The metadata's ${key} has the wrong type.`);
  return value;
}

const isText = (value: GgufValue): value is string => typeof value === 'string';
const isNumber = (value: GgufValue): value is number => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: GgufValue): value is number => isNumber(value) && Number.isInteger(value) && value >= 0;
const isFlag = (value: GgufValue): value is boolean => typeof value === 'boolean';
const isTexts = (value: GgufValue): value is readonly string[] => Array.isArray(value) && value.every(isText);
const isNumbers = (value: GgufValue): value is readonly number[] => Array.isArray(value) && value.every(isNumber);
