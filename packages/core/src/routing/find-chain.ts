import { MAX_CHAIN_STAGES, NEAR_EQUAL_SHARE } from './constants.ts';
import type { StageCandidate } from './examine-peers.ts';
import type { HopTime } from './hop-time.ts';
import { mostPromising } from './most-promising.ts';

export interface Chain {
  /** In the order of their layers. */
  readonly stages: readonly StageCandidate[];
  /** One token through all stages and once around the ring. */
  readonly tokenMs: number;
}

/**
 * The chain over `[0, layerCount)` with the lowest time per token; of those within `NEAR_EQUAL_SHARE` of it
 * the one of fewest stages; between equal ones earlier candidates come first.
 *
 * Time per token is each stage's own and half a round trip per hop, the one back to the first stage included.
 * That last hop ties the end of a chain to its beginning, so each first stage has a search of its own: layer
 * boundary by layer boundary, with the best way to every stage (Dijkstra's, without a queue since layers only
 * go up), cut short by what the rest takes at least. Exact up to `MAX_CHAIN_CANDIDATES` peers that some chain
 * could use; of more, the most promising are looked at, and the others only where no chain of these is left.
 */
export function findChain(
  candidates: readonly StageCandidate[],
  layerCount: number,
  hopTime: HopTime,
): Chain | undefined {
  const { most, all } = mostPromising(candidates, layerCount);
  const chain = new ChainSearch(most, layerCount, hopTime).best();
  return chain === undefined && most.length < all.length ? new ChainSearch(all, layerCount, hopTime).best() : chain;
}

interface Node {
  readonly candidate: StageCandidate;
  /** Stages that may come next. */
  readonly next: readonly Node[];
  /** Of each of them, the time it takes and the way there. */
  readonly nextMs: Float64Array;
  /** By the number of stages still to come: the least that they and the ways to them take. */
  readonly restMs: Float64Array;
}

/** The best way found from a first stage to this one. */
interface Way {
  readonly node: Node;
  readonly ms: number;
  readonly before: Way | undefined;
}

/** Chains of one length from one first stage. */
interface Start {
  readonly first: Node;
  readonly stages: number;
  /** The last hop, and the whole ring, at least. */
  readonly backMs: number;
  readonly leastMs: number;
}

class ChainSearch {
  readonly #layerCount: number;
  readonly #hopTime: HopTime;
  readonly #byStart: readonly Node[][];
  /** The best chain of each length. */
  readonly #found: (Chain | undefined)[] = [];
  #bestMs = Infinity;

  constructor(candidates: readonly StageCandidate[], layerCount: number, hopTime: HopTime) {
    this.#layerCount = layerCount;
    this.#hopTime = hopTime;
    this.#byStart = this.#link(candidates);
  }

  best(): Chain | undefined {
    const lasts = this.#byStart.flat().filter(({ restMs }) => restMs[0] === 0);
    const starts = (this.#byStart[0] ?? []).flatMap((first) => this.#startsAt(first, lasts));
    // The most hopeful first, so that most others need no search; the sort is stable.
    starts.sort((a, b) => a.leastMs - b.leastMs);
    for (const start of starts) this.#search(start);
    return this.#found.find((chain) => chain !== undefined && chain.tokenMs <= this.#worthMs());
  }

  /** Nodes by the layer they begin with, linked to those that come after them. */
  #link(candidates: readonly StageCandidate[]): Node[][] {
    const byStart = Array.from({ length: this.#layerCount + 1 }, (): Node[] => []);
    const candidatesByStart = Map.groupBy(candidates, ({ layers }) => layers.start);
    for (let start = this.#layerCount - 1; start >= 0; start--) {
      for (const candidate of candidatesByStart.get(start) ?? []) {
        byStart[start]?.push(this.#node(candidate, byStart[candidate.layers.end] ?? []));
      }
    }
    return byStart;
  }

  #node(candidate: StageCandidate, next: readonly Node[]): Node {
    const nextMs = Float64Array.from(next, (to) => this.#hopTime(candidate, to.candidate) / 2 + to.candidate.tokenMs);
    const restMs = new Float64Array(MAX_CHAIN_STAGES).fill(Infinity);
    if (candidate.layers.end === this.#layerCount) restMs[0] = 0;
    for (const [index, to] of next.entries()) {
      const toMs = nextMs[index] ?? Infinity;
      for (let stages = 1; stages < MAX_CHAIN_STAGES; stages++) {
        const ms = toMs + (to.restMs[stages - 1] ?? Infinity);
        if (ms < (restMs[stages] ?? Infinity)) restMs[stages] = ms;
      }
    }
    return { candidate, next, nextMs, restMs };
  }

  #startsAt(first: Node, lasts: readonly Node[]): Start[] {
    let backMs = Infinity;
    for (const last of lasts) backMs = Math.min(backMs, this.#backMs(last, first));
    const starts: Start[] = [];
    for (const [rest, ms] of first.restMs.entries()) {
      const leastMs = first.candidate.tokenMs + ms + backMs;
      if (leastMs < Infinity) starts.push({ first, stages: rest + 1, backMs, leastMs });
    }
    return starts;
  }

  #search({ first, stages, backMs, leastMs }: Start): void {
    if (leastMs > this.#limitMs(stages)) return;
    let ways = new Map<Node, Way>([[first, { node: first, ms: first.candidate.tokenMs, before: undefined }]]);
    for (let rest = stages - 2; rest >= 0; rest--) {
      const longer = new Map<Node, Way>();
      for (const way of ways.values()) this.#extend(way, { rest, budgetMs: this.#limitMs(stages) - backMs }, longer);
      ways = longer;
    }
    for (const way of ways.values()) this.#offer(way, first, stages);
  }

  /** Adds the ways that go on from `way` and may end within the budget. */
  #extend(way: Way, { rest, budgetMs }: { rest: number; budgetMs: number }, ways: Map<Node, Way>): void {
    for (const [index, node] of way.node.next.entries()) {
      const ms = way.ms + (way.node.nextMs[index] ?? Infinity);
      const leastMs = ms + (node.restMs[rest] ?? Infinity);
      if (leastMs === Infinity || leastMs > budgetMs) continue;
      if (ms < (ways.get(node)?.ms ?? Infinity)) ways.set(node, { node, ms, before: way });
    }
  }

  #offer(way: Way, first: Node, stages: number): void {
    const tokenMs = way.ms + this.#backMs(way.node, first);
    if (tokenMs >= (this.#found[stages]?.tokenMs ?? Infinity)) return;
    const path: StageCandidate[] = [];
    for (let at: Way | undefined = way; at !== undefined; at = at.before) path.unshift(at.node.candidate);
    this.#found[stages] = { stages: path, tokenMs };
    this.#bestMs = Math.min(this.#bestMs, tokenMs);
  }

  #backMs(last: Node, first: Node): number {
    return this.#hopTime(last.candidate, first.candidate) / 2;
  }

  /** Chains beyond it are never chosen. */
  #worthMs(): number {
    return this.#bestMs * (1 + NEAR_EQUAL_SHARE);
  }

  #limitMs(stages: number): number {
    return Math.min(this.#found[stages]?.tokenMs ?? Infinity, this.#worthMs());
  }
}
