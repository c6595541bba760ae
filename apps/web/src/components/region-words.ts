import { regionWords } from '../format/names.ts';
import type { RegionView } from '../state/region-state.ts';

/** Why this tab is where it is, in two or three words. */
export function regionReason({ source }: Pick<RegionView, 'source'>): string {
  switch (source) {
    case 'address':
      return 'by your address';
    case 'relay':
      return 'by this relay';
    case 'override':
      return 'chosen by you';
    default:
      return source satisfies never;
  }
}

/** What the address tells, for a person. */
export const addressWords = ({ byAddress }: Pick<RegionView, 'byAddress'>): string =>
  byAddress === null ? 'tells no region: it is private, or unknown' : regionWords(byAddress);

/** `2 relays known`. */
export const relaysWords = (relays: number, joinable: boolean): string => {
  if (relays === 0) return 'no relay known there';
  const known = relays === 1 ? '1 relay known' : `${relays} relays known`;
  return joinable ? known : `${known}, none to join from here`;
};

/** What a change would do, said before it is made. */
export function changeWords(from: string, to: string, lending: boolean): string {
  const moves = `This tab leaves ${regionWords(from)} and joins the clusters of ${regionWords(to)}: it then hears and uses the peers there, and no others.`;
  return lending
    ? `${moves} It stops lending and starts again there, which takes a few seconds; its weights stay on this device.`
    : moves;
}

/** `2 of 2 relays of Asia`; the relays of a region may be more than the page was told of. */
export const linkedWords = ({ linked, known, region }: { linked: number; known: number; region: string }): string => {
  const all = Math.max(linked, known);
  return `${linked} of ${all} ${all === 1 ? 'relay' : 'relays'} of ${regionWords(region)}`;
};
