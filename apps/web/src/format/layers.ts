import type { LayerRange } from '@opengateway/core';

/** `layers 10 to 19`, `layer 29`: counted from 0, both ends named. */
export const layerWords = ({ start, end }: LayerRange): string =>
  end - start === 1 ? `layer ${start}` : `layers ${start} to ${end - 1}`;

/** `layers 4 and 10 to 19`; at most three stretches are named. */
export function gapWords(gaps: readonly LayerRange[]): string {
  const named = gaps
    .slice(0, MAX_NAMED_GAPS)
    .map(({ start, end }) => (end - start === 1 ? start : `${start} to ${end - 1}`));
  const more = gaps.length - named.length;
  if (more > 0) return `layers ${named.join(', ')} and ${more} more stretches`;
  const single = gaps.length === 1 && gaps[0] !== undefined && gaps[0].end - gaps[0].start === 1;
  return `${single ? 'layer' : 'layers'} ${named.join(' and ')}`;
}

/** `the whole model`, or `layers 10 to 19 of 30`. */
export const heldWords = (range: LayerRange, layerCount: number): string =>
  range.start === 0 && range.end === layerCount ? 'the whole model' : `${layerWords(range)} of ${layerCount}`;

const MAX_NAMED_GAPS = 3;
