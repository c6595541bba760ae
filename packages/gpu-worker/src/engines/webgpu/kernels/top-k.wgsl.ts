import type { Kernel } from './kernel.ts';
import { LOGIT_ROWS } from './step-layout.ts';

const THREADS = 256;

/** Words of one row's result: highest logit, sum of exp(logit - highest), then k tokens and k logits. */
export const topKWords = (k: number): number => 2 + 2 * k;

/**
 * The `k` highest of each row of logits, in no order, equals by lowest token, and what their
 * log-sum-exp needs. A radix search for the k-th value, byte by byte, then one pass that gathers. Bindings:
 * step, logits, output (`topKWords` per row). Dispatch one group per row.
 */
export function topK({ vocabularySize, k }: { vocabularySize: number; k: number }): Kernel {
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> partials: array<f32, ${THREADS}>;
var<workgroup> chosen: atomic<u32>;
var<workgroup> prefix: u32;
var<workgroup> missing: u32;
var<workgroup> lowest: atomic<u32>;

// Unsigned integers in the order of the floats; both zeros are one.
fn sortable(value: f32) -> u32 {
  let bits = select(bitcast<u32>(value), 0u, value == 0.0);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (row >= step[${LOGIT_ROWS}]) { return; }
  let first = row * ${vocabularySize}u;
  let result = row * ${topKWords(k)}u;

  var highest = logits[first];
  for (var token = lane; token < ${vocabularySize}u; token += ${THREADS}u) { highest = max(highest, logits[first + token]); }
  partials[lane] = highest;
  workgroupBarrier();
  for (var i = 0u; i < ${THREADS}u; i++) { highest = max(highest, partials[i]); }
  workgroupBarrier();
  var sum = 0.0;
  for (var token = lane; token < ${vocabularySize}u; token += ${THREADS}u) { sum += exp(logits[first + token] - highest); }
  partials[lane] = sum;
  if (lane == 0u) { prefix = 0u; missing = ${k}u; atomicStore(&chosen, 0u); }
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < ${THREADS}u; i++) { total += partials[i]; }
    output[result] = bitcast<u32>(highest);
    output[result + 1u] = bitcast<u32>(total);
  }

  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    let known = workgroupUniformLoad(&prefix);
    atomicStore(&counts[lane], 0u);
    workgroupBarrier();
    for (var token = lane; token < ${vocabularySize}u; token += ${THREADS}u) {
      let key = sortable(logits[first + token]);
      let isCandidate = shift == 24i || (key >> u32(shift + 8i)) == known;
      if (isCandidate) { atomicAdd(&counts[(key >> u32(shift)) & 255u], 1u); }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var digit = 255u;
      var left = missing;
      loop {
        let count = atomicLoad(&counts[digit]);
        if (count >= left || digit == 0u) { break; }
        left -= count;
        digit--;
      }
      missing = left;
      prefix = (known << 8u) | digit;
    }
  }
  let threshold = workgroupUniformLoad(&prefix);
  let equals = workgroupUniformLoad(&missing);

  for (var token = lane; token < ${vocabularySize}u; token += ${THREADS}u) {
    let logit = logits[first + token];
    if (sortable(logit) > threshold) { put(result, atomicAdd(&chosen, 1u), token, logit); }
  }
  // Of the logits equal to the k-th, those of the lowest tokens: nearly always one.
  var after = 0u;
  for (var i = 0u; i < equals; i++) {
    if (lane == 0u) { atomicStore(&lowest, ${vocabularySize}u); }
    workgroupBarrier();
    for (var token = lane; token < ${vocabularySize}u; token += ${THREADS}u) {
      if (token >= after && sortable(logits[first + token]) == threshold) { atomicMin(&lowest, token); }
    }
    workgroupBarrier();
    let token = atomicLoad(&lowest);
    workgroupBarrier();
    if (lane == 0u) { put(result, ${k}u - equals + i, token, logits[first + token]); }
    after = token + 1u;
  }
}

fn put(result: u32, place: u32, token: u32, logit: f32) {
  output[result + 2u + place] = token;
  output[result + ${2 + k}u + place] = bitcast<u32>(logit);
}
`;
  return { label: `top-${k} of ${vocabularySize}`, wgsl, bindings: ['read', 'read', 'write'] };
}
