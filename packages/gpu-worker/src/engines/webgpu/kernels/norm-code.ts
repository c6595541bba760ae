import type { Segments } from '../segments.ts';

/** Threads that sum the squares of a row; every kernel that normalises has as many or more. */
export const NORM_THREADS = 64;

/**
 * WGSL of the root mean square of rows of `x` (`array<vec4<f32>>`): the one order of its sum. Call
 * `sumSquares(row, slot, lane)` for each slot, `workgroupBarrier()`, `sumEighths(lane)`,
 * `workgroupBarrier()`; then `normScale(slot)` is 1 / root mean square.
 */
export const normFunctions = (
  { columns, paddedColumns }: Segments,
  epsilon: number,
  slots: number,
): string => /* wgsl */ `
var<workgroup> normPartials: array<f32, ${slots * NORM_THREADS}>;
var<workgroup> normEighths: array<f32, ${slots * 8}>;
fn sumSquares(row: u32, slot: u32, lane: u32) {
  if (lane >= ${NORM_THREADS}u) { return; }
  var sum = 0.0;
  for (var v = lane; v < ${paddedColumns / 4}u; v += ${NORM_THREADS}u) {
    let value = x[row * ${paddedColumns / 4}u + v];
    sum = fma(value.x, value.x, sum);
    sum = fma(value.y, value.y, sum);
    sum = fma(value.z, value.z, sum);
    sum = fma(value.w, value.w, sum);
  }
  normPartials[slot * ${NORM_THREADS}u + lane] = sum;
}
fn sumEighths(lane: u32) {
  if (lane >= ${slots * 8}u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) { sum += normPartials[lane * 8u + i]; }
  normEighths[lane] = sum;
}
fn normScale(slot: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) { sum += normEighths[slot * 8u + i]; }
  return inverseSqrt(sum * ${float(1 / columns)} + ${float(epsilon)});
}
`;

/** A number as a WGSL float32 literal. */
export const float = (value: number): string => {
  const text = Math.fround(value).toString();
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
};
