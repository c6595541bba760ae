import type { LayerRange, PeerName } from '../ids.ts';
import type { SwarmMember } from './swarm.ts';

/** A peer that serves layers `[start, end)`. */
export const holder = (peer: string, start: number, end: number, tokensPerSecond = 10): SwarmMember => ({
  peer: peer as PeerName,
  layers: { start, end },
  tokensPerSecond,
  state: 'serving',
});

/** What a device fits that has room for so many layers, wherever they lie. */
export const roomFor =
  (layers: number) =>
  ({ start, end }: LayerRange): boolean =>
    end - start <= layers;
