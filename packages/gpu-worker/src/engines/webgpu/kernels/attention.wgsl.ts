import { PAGE_POSITIONS } from '../constants.ts';
import { cacheFunctions, cacheHeadStart, cacheVector, type CacheParameters } from './cache-layout.ts';
import type { Kernel } from './kernel.ts';
import { float } from './norm-code.ts';
import { ropeFunctions, type RopeParameters } from './rope-code.ts';
import { recordField } from './step-layout.ts';

export interface AttentionParameters extends CacheParameters, RopeParameters {
  readonly queryHeadCount: number;
  /** Floats between the projections of two tokens; queries come first. */
  readonly stride: number;
  /** Floats between two rows of the output. */
  readonly outputStride: number;
  /** Pages side by side: 32 threads each. The same bits whatever it is. */
  readonly pagesAtOnce: number;
}

/**
 * Causal grouped-query attention of a token's head over its sequence's pages, softmax included: each page
 * is summed by itself relative to its own highest score, and pages are joined in order. Queries are turned
 * here. Bindings: step, page tables, projections, cache, output. Dispatch (query heads, tokens).
 */
export function attention(parameters: AttentionParameters): Kernel {
  const { headSize, queryHeadCount, keyValueHeadCount, stride, outputStride, pagesAtOnce, recordWords, cacheType } =
    parameters;
  const vectors = headSize / 4;
  const threads = pagesAtOnce * PAGE_POSITIONS;
  const headStart = cacheHeadStart(parameters, 'page', `(group.x / ${queryHeadCount / keyValueHeadCount}u)`);
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> pageTables: array<u32>;
@group(0) @binding(2) var<storage, read> projected: array<f32>;
@group(0) @binding(3) var<storage, read> cache: array<${cacheVector(cacheType)}>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4<f32>>;
${ropeFunctions(parameters)}
${cacheFunctions(cacheType)}
var<workgroup> query: array<vec4<f32>, ${vectors}>;
var<workgroup> scores: array<f32, ${threads}>;
var<workgroup> weights: array<f32, ${threads}>;
var<workgroup> pageHighest: array<f32, ${pagesAtOnce}>;
var<workgroup> pageTotal: array<f32, ${pagesAtOnce}>;
var<workgroup> pageMixed: array<vec4<f32>, ${pagesAtOnce * vectors}>;

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let visible = ${recordField(recordWords, 'token', 'position')} + 1u;
  let table = ${recordField(recordWords, 'token', 'pageTable')};
  let pages = (visible + ${PAGE_POSITIONS - 1}u) / ${PAGE_POSITIONS}u;
  let slot = lane / ${PAGE_POSITIONS}u;
  let within = lane % ${PAGE_POSITIONS}u;
  let head = token * ${stride}u + group.x * ${headSize}u;
  for (var vector = lane; vector < ${vectors}u; vector += ${threads}u) {
    let first = vector * 4u;
    query[vector] = vec4<f32>(
      rotated(token, head, first),
      rotated(token, head, first + 1u),
      rotated(token, head, first + 2u),
      rotated(token, head, first + 3u),
    );
  }
  var highest = 0.0;
  var total = 0.0;
  var mixed = vec4<f32>(0.0);
  for (var firstPage = 0u; firstPage < pages; firstPage += ${pagesAtOnce}u) {
    workgroupBarrier();
    let index = firstPage + slot;
    let isPage = index < pages;
    let page = pageTables[table + min(index, pages - 1u)];
    let keys = ${headStart};
    let count = select(0u, min(visible - index * ${PAGE_POSITIONS}u, ${PAGE_POSITIONS}u), isPage);
    if (within < count) {
      var score = 0.0;
      for (var vector = 0u; vector < ${vectors}u; vector++) {
        score += dot(query[vector], fromCache(cache[keys + vector * ${PAGE_POSITIONS}u + within]));
      }
      scores[lane] = score * ${float(1 / Math.sqrt(headSize))};
    }
    workgroupBarrier();
    if (within < count) {
      var most = scores[slot * ${PAGE_POSITIONS}u];
      for (var i = 1u; i < count; i++) { most = max(most, scores[slot * ${PAGE_POSITIONS}u + i]); }
      weights[lane] = exp(scores[lane] - most);
      if (within == 0u) { pageHighest[slot] = most; }
    }
    workgroupBarrier();
    if (isPage) {
      let values = keys + ${PAGE_POSITIONS * vectors}u;
      for (var vector = within; vector < ${vectors}u; vector += ${PAGE_POSITIONS}u) {
        var sum = vec4<f32>(0.0);
        for (var i = 0u; i < count; i++) {
          sum = fma(vec4<f32>(weights[slot * ${PAGE_POSITIONS}u + i]), fromCache(cache[values + i * ${vectors}u + vector]), sum);
        }
        pageMixed[slot * ${vectors}u + vector] = sum;
      }
      if (within == 0u) {
        var sum = 0.0;
        for (var i = 0u; i < count; i++) { sum += weights[slot * ${PAGE_POSITIONS}u + i]; }
        pageTotal[slot] = sum;
      }
    }
    workgroupBarrier();
    if (lane < ${vectors}u) {
      for (var i = 0u; i < min(${pagesAtOnce}u, pages - firstPage); i++) {
        let joined = max(highest, pageHighest[i]);
        if (firstPage + i == 0u) {
          highest = pageHighest[0];
          total = pageTotal[0];
          mixed = pageMixed[lane];
        } else {
          let before = exp(highest - joined);
          let after = exp(pageHighest[i] - joined);
          total = total * before + pageTotal[i] * after;
          mixed = mixed * before + pageMixed[i * ${vectors}u + lane] * after;
          highest = joined;
        }
      }
    }
  }
  if (lane < ${vectors}u) {
    output[(token * ${outputStride}u + group.x * ${headSize}u) / 4u + lane] = mixed / total;
  }
}
`;
  return {
    label: `attention ${queryHeadCount}/${keyValueHeadCount} heads of ${headSize} ${cacheType}`,
    wgsl,
    bindings: ['read', 'read', 'read', 'read', 'write'],
  };
}
