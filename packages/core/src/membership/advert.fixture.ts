import type { PeerName } from '../ids.ts';
import type { Advert } from './advert.ts';

/** What a peer that serves nothing says for the `sequence`-th time. */
export const advert = (sequence: number, change: Partial<Advert> = {}): Advert => ({
  v: 1,
  sequence,
  run: 1,
  state: 'serving',
  kind: 'tab',
  models: [],
  ...change,
});

export const name = (value: string) => value as PeerName;
