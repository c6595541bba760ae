import { PAGE_POSITIONS } from '../constants.ts';

/** `f16` halves the cache and what attention reads; rounding costs about 2e-4 of a value. */
export type CacheType = 'f16' | 'f32';

/**
 * One layer's cache: pages of `PAGE_POSITIONS`; in a page per key/value head the keys, vector by vector
 * (four dimensions of all positions side by side, as the threads of attention read them), then the values,
 * position by position.
 */
export interface CacheParameters {
  readonly keyValueHeadCount: number;
  readonly headSize: number;
  readonly cacheType: CacheType;
}

/** WGSL type of four cached numbers. */
export const cacheVector = (type: CacheType): string => (type === 'f16' ? 'vec2<u32>' : 'vec4<f32>');

export const cacheVectorBytes = (type: CacheType): number => (type === 'f16' ? 8 : 16);

/** Bytes of one page of one layer. */
export const cachePageBytes = ({ keyValueHeadCount, headSize, cacheType }: CacheParameters): number =>
  keyValueHeadCount * 2 * PAGE_POSITIONS * (headSize / 4) * cacheVectorBytes(cacheType);

/** WGSL of the first vector of a head's keys in a page; its values follow `PAGE_POSITIONS · headSize / 4` on. */
export const cacheHeadStart = ({ keyValueHeadCount, headSize }: CacheParameters, page: string, head: string): string =>
  `(${page} * ${keyValueHeadCount}u + ${head}) * ${2 * PAGE_POSITIONS * (headSize / 4)}u`;

/** WGSL functions `fromCache` and `toCache`. */
export const cacheFunctions = (type: CacheType): string =>
  type === 'f32'
    ? /* wgsl */ `
fn fromCache(stored: vec4<f32>) -> vec4<f32> { return stored; }
fn toCache(values: vec4<f32>) -> vec4<f32> { return values; }
`
    : /* wgsl */ `
fn fromCache(stored: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(stored.x), unpack2x16float(stored.y)); }
fn toCache(values: vec4<f32>) -> vec2<u32> {
  // What half precision cannot hold would become anything at all.
  let held = clamp(values, vec4<f32>(-65504.0), vec4<f32>(65504.0));
  return vec2<u32>(pack2x16float(held.xy), pack2x16float(held.zw));
}
`;
