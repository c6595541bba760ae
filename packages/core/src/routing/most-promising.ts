import { MAX_CHAIN_CANDIDATES, MAX_CHAIN_STAGES } from './constants.ts';
import type { StageCandidate } from './examine-peers.ts';

/** Candidates that are on a chain of at most `MAX_CHAIN_STAGES`, in the order given. */
export interface PromisingCandidates {
  readonly all: readonly StageCandidate[];
  /** Of more than `MAX_CHAIN_CANDIDATES` those on the chains that would be fastest if hops were as estimated. */
  readonly most: readonly StageCandidate[];
}

/** Which candidates are worth a search for chains. */
export function mostPromising(candidates: readonly StageCandidate[], layerCount: number): PromisingCandidates {
  const before = leastTimes(candidates, layerCount, 'up');
  const after = leastTimes(candidates, layerCount, 'down');
  const throughMs = new Map<StageCandidate, number>();
  for (const candidate of candidates) {
    const { start, end } = candidate.layers;
    let othersMs = Infinity;
    for (const [stages, ms] of before.entries()) {
      othersMs = Math.min(
        othersMs,
        (ms[start] ?? Infinity) + (after[MAX_CHAIN_STAGES - 1 - stages]?.[end] ?? Infinity),
      );
    }
    if (othersMs < Infinity) throughMs.set(candidate, promiseMs(candidate) + othersMs);
  }
  const all = candidates.filter((candidate) => throughMs.has(candidate));
  if (all.length <= MAX_CHAIN_CANDIDATES) return { all, most: all };
  const kept = new Set(ranked(all, throughMs).slice(0, MAX_CHAIN_CANDIDATES));
  return { all, most: all.filter((candidate) => kept.has(candidate)) };
}

/** What a stage adds to a token where the hops at both ends are as long as estimated. */
const promiseMs = ({ tokenMs, rttMs }: StageCandidate): number => tokenMs + rttMs / 2;

/**
 * By number of stages and layer boundary, the least time that so many stages or fewer take from the first
 * boundary (`up`) or from the last (`down`) to this one.
 */
function leastTimes(candidates: readonly StageCandidate[], layerCount: number, way: 'up' | 'down'): Float64Array[] {
  const least = Array.from({ length: MAX_CHAIN_STAGES }, () => new Float64Array(layerCount + 1).fill(Infinity));
  for (const ms of least) ms[way === 'up' ? 0 : layerCount] = 0;
  const order = way === 'up' ? 1 : -1;
  for (const candidate of candidates.toSorted((a, b) => order * (a.layers.start - b.layers.start))) {
    const { start, end } = candidate.layers;
    const [from, to] = way === 'up' ? [start, end] : [end, start];
    const ownMs = promiseMs(candidate);
    for (const [fewer, ms] of least.slice(0, -1).entries()) {
      const there = least[fewer + 1];
      if (there !== undefined) there[to] = Math.min(there[to] ?? Infinity, (ms[from] ?? Infinity) + ownMs);
    }
  }
  return least;
}

/** The most promising first; of equal ones a range's first before another range's second. */
function ranked(
  candidates: readonly StageCandidate[],
  throughMs: ReadonlyMap<StageCandidate, number>,
): StageCandidate[] {
  const msOf = (candidate: StageCandidate) => throughMs.get(candidate) ?? Infinity;
  const byRange = new Map<string, number>();
  return candidates
    .toSorted((a, b) => msOf(a) - msOf(b))
    .map((candidate) => {
      const range = `${candidate.layers.start}-${candidate.layers.end}`;
      const rank = byRange.get(range) ?? 0;
      byRange.set(range, rank + 1);
      return { candidate, ms: msOf(candidate), rank };
    })
    .sort((a, b) => a.ms - b.ms || a.rank - b.rank)
    .map(({ candidate }) => candidate);
}
