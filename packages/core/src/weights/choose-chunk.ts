import type { ChunkSet } from './chunk-set.ts';

export interface ChunkChoice {
  /** Not here and not on their way. */
  readonly missing: ChunkSet;
  /** What the source has. */
  readonly have: ChunkSet;
  /** What it was asked for and has not answered yet, given up or not: nothing is asked for twice at once. */
  readonly asked: ReadonlyMap<number, unknown>;
  /** How many sources have each chunk. */
  readonly copies: Uint16Array;
  /** Asked for before all others, in this order. */
  readonly first: Iterable<number>;
  /** Uniform in [0, 1). */
  random(): number;
}

/**
 * The chunk to ask a source for: one that a reader waits for, else one of those with the fewest copies around,
 * whichever chance takes, so that peers that start together get different ones and can trade.
 */
export function chooseChunk({ missing, have, asked, copies, first, random }: ChunkChoice): number | undefined {
  const isPossible = (chunk: number) => have.has(chunk) && !asked.has(chunk);
  for (const chunk of first) if (missing.has(chunk) && isPossible(chunk)) return chunk;
  let chosen: number | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (const chunk of missing) {
    if (!isPossible(chunk)) continue;
    const count = copies[chunk]!;
    if (count > fewest) continue;
    if (count < fewest) ties = 0;
    fewest = count;
    ties += 1;
    if (random() * ties < 1) chosen = chunk;
  }
  return chosen;
}
