import { HEADER_WORDS, RECORD } from './step-layout.ts';

export interface RopeParameters {
  readonly ropeDimensionCount: number;
  readonly ropeLayout: 'interleaved' | 'halves';
  readonly recordWords: number;
}

/**
 * WGSL `rotated(token, head, element)`: an element of the head that starts at `head` in `projected`, turned
 * by its token's position. The angles come from the host: shaders promise three digits of a sine.
 */
export function ropeFunctions({ ropeDimensionCount, ropeLayout, recordWords }: RopeParameters): string {
  const half = ropeDimensionCount / 2;
  const [pair, isFirst, partner] =
    ropeLayout === 'interleaved'
      ? ['element / 2u', 'element % 2u == 0u', 'element ^ 1u']
      : [
          `element % ${half}u`,
          `element < ${half}u`,
          `select(element - ${half}u, element + ${half}u, element < ${half}u)`,
        ];
  return /* wgsl */ `
fn rotated(token: u32, head: u32, element: u32) -> f32 {
  let value = projected[head + element];
  if (element >= ${ropeDimensionCount}u) { return value; }
  let at = ${HEADER_WORDS + RECORD.rotations}u + token * ${recordWords}u + 2u * (${ropeDimensionCount === 0 ? '0u' : pair});
  let cosine = bitcast<f32>(step[at]);
  let sine = bitcast<f32>(step[at + 1u]);
  let other = projected[head + (${ropeDimensionCount === 0 ? '0u' : partner})];
  return select(other * sine + value * cosine, value * cosine - other * sine, ${ropeDimensionCount === 0 ? 'true' : isFirst});
}
`;
}
