import { PAGE_POSITIONS } from '../constants.ts';
import { cacheFunctions, cacheHeadStart, cacheVector, type CacheParameters } from './cache-layout.ts';
import type { Kernel } from './kernel.ts';
import { ropeFunctions, type RopeParameters } from './rope-code.ts';
import { recordField } from './step-layout.ts';

const THREADS = 32;

export interface StoreKeyValueParameters extends CacheParameters, RopeParameters {
  /** Floats between the projections of two tokens, and before the first key and the first value. */
  readonly stride: number;
  readonly keyOffset: number;
  readonly valueOffset: number;
}

/**
 * Turns a token's keys by its position and stores them and its values in its sequence's pages. Bindings:
 * step, page tables, projections, cache. Dispatch (key/value heads, tokens).
 */
export function storeKeyValue(parameters: StoreKeyValueParameters): Kernel {
  const { headSize, stride, recordWords, cacheType } = parameters;
  const vectors = headSize / 4;
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> pageTables: array<u32>;
@group(0) @binding(2) var<storage, read> projected: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<${cacheVector(cacheType)}>;
${ropeFunctions(parameters)}
${cacheFunctions(cacheType)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let position = ${recordField(recordWords, 'token', 'position')};
  let page = pageTables[${recordField(recordWords, 'token', 'pageTable')} + position / ${PAGE_POSITIONS}u];
  let within = position % ${PAGE_POSITIONS}u;
  let start = ${cacheHeadStart(parameters, 'page', 'group.x')};
  let key = token * ${stride}u + ${parameters.keyOffset}u + group.x * ${headSize}u;
  let value = token * ${stride}u + ${parameters.valueOffset}u + group.x * ${headSize}u;
  for (var vector = lane; vector < ${vectors}u; vector += ${THREADS}u) {
    let first = vector * 4u;
    cache[start + vector * ${PAGE_POSITIONS}u + within] = toCache(vec4<f32>(
      rotated(token, key, first),
      rotated(token, key, first + 1u),
      rotated(token, key, first + 2u),
      rotated(token, key, first + 3u),
    ));
    cache[start + ${PAGE_POSITIONS * vectors}u + within * ${vectors}u + vector] = toCache(vec4<f32>(
      projected[value + first],
      projected[value + first + 1u],
      projected[value + first + 2u],
      projected[value + first + 3u],
    ));
  }
}
`;
  return { label: `store key/value ${headSize} ${cacheType}`, wgsl, bindings: ['read', 'read', 'read', 'write'] };
}
