import { chainShape } from './chain-shape.ts';
import type { ChainShape } from './chain-shape.ts';
import { MAX_CHAIN_STAGES } from './constants.ts';
import { examinePeers } from './examine-peers.ts';
import type { ExaminedPeers, StageCandidate } from './examine-peers.ts';
import { expectedAnswerTokens, expectedFinishMs, expectedPrefillMs } from './expected-finish.ts';
import { findChain } from './find-chain.ts';
import type { Chain } from './find-chain.ts';
import { createHopTime } from './hop-time.ts';
import type { HopTime } from './hop-time.ts';
import type {
  PlannedRoute,
  PlannedStage,
  PlanReason,
  Rejection,
  RouteKnowledge,
  RoutePlan,
  RouteRequest,
} from './types.ts';

/**
 * Where a request is computed: on the peer with the whole model that is expected to finish first, queue and load
 * from disk allowed; without one, on the chain of parts with the lowest expected time per token (see `findChain`), each
 * with a free place. Whoever has the whole model only on disk is compared with such a chain as well. Penalised
 * peers are in neither while there is a route without them.
 *
 * Equal knowledge gives equal plans, in whatever order peers come.
 */
export function planRoute(request: RouteRequest, knowledge: RouteKnowledge): RoutePlan {
  const examined = examinePeers(request, knowledge);
  const clean = examined.wholes.filter(isClean);
  if (clean.length === 0) return planChain(examined, request, createHopTime(knowledge));
  const whole = wholePlan(clean, examined, request);
  if (!clean.every(isStored) || examined.parts.length === 0) return whole;
  const chain = planChain({ ...examined, wholes: [] }, request, createHopTime(knowledge));
  return finishMs(chain) < finishMs(whole) ? chain : whole;
}

const isStored = ({ served }: StageCandidate): boolean => served.stored === true;

const finishMs = ({ route }: RoutePlan): number => route?.expectedFinishMs ?? Infinity;

function wholePlan(wholes: readonly StageCandidate[], { parts, rejections }: ExaminedPeers, request: RouteRequest) {
  let best: PlannedRoute | undefined;
  for (const candidate of wholes) {
    const route = singleRoute(candidate, request);
    if (best === undefined || finishesBefore(route, best)) best = route;
  }
  const unused = parts.map(({ peer }): Rejection => ({ peer, reason: 'part-of-model' }));
  return made('whole-model', best, [...rejections, ...unused]);
}

/** The plan where no whole-model peer is to be had, or penalised ones only. */
function planChain(examined: ExaminedPeers, request: RouteRequest, hopTime: HopTime): RoutePlan {
  const { wholes, parts, rejections } = examined;
  const ranges = parts.map(({ layers }) => layers);
  const shape = chainShape(ranges, request.layerCount);
  const chainable = parts.filter(({ layers }) => shape.fewestStagesThrough(layers) <= MAX_CHAIN_STAGES);
  const free = chainable.filter(({ full }) => !full);
  const clean = free.filter(isClean);
  const chainOf = (candidates: readonly StageCandidate[]) => findChain(candidates, request.layerCount, hopTime);

  const cleanChain = chainOf(clean);
  if (cleanChain === undefined && wholes.length > 0) return wholePlan(wholes, examined, request);
  const chain = cleanChain ?? (clean.length < free.length ? chainOf(free) : undefined);
  const all = [...rejections, ...unusable(parts, shape)];
  if (chain !== undefined) return made('chain', chainRoute(chain, request, hopTime), all);
  if (shape.missing.length > 0) return { ...made('layers-missing', undefined, all), missing: shape.missing };
  if (free.length < chainable.length && chainOf(chainable) !== undefined) {
    return { ...made('full', undefined, all), full: true };
  }
  const named = new Set(all.map(({ peer }) => peer));
  const unmet = chainable.filter(({ peer }) => !named.has(peer));
  return made('no-chain', undefined, [
    ...all,
    ...unmet.map(({ peer }): Rejection => ({ peer, reason: 'hop-too-slow' })),
  ]);
}

const isClean = ({ penalised }: StageCandidate): boolean => !penalised;

const made = (reason: PlanReason, route: PlannedRoute | undefined, rejections: readonly Rejection[]): RoutePlan => ({
  route,
  full: false,
  reason,
  missing: [],
  rejections,
});

/** Parts that could be in no chain, and why. */
function unusable(parts: readonly StageCandidate[], shape: ChainShape): Rejection[] {
  return parts.flatMap(({ peer, layers, full }): Rejection[] => {
    const stages = shape.fewestStagesThrough(layers);
    if (stages === Infinity) return [{ peer, reason: 'no-neighbour' }];
    if (stages > MAX_CHAIN_STAGES) return [{ peer, reason: 'too-many-stages' }];
    return full ? [{ peer, reason: 'full' }] : [];
  });
}

function singleRoute(candidate: StageCandidate, { promptTokens, maxTokens }: RouteRequest): PlannedRoute {
  return {
    stages: [planned(candidate, 0)],
    expectedTokenMs: candidate.tokenMs,
    expectedFinishMs: expectedFinishMs({ ...candidate, promptTokens, maxTokens }),
  };
}

const finishesBefore = (a: PlannedRoute, b: PlannedRoute): boolean => {
  const difference = a.expectedFinishMs - b.expectedFinishMs;
  return difference === 0 ? nameOf(a) < nameOf(b) : difference < 0;
};

const nameOf = ({ stages }: PlannedRoute): string => stages[0]?.peer ?? '';

function chainRoute({ stages, tokenMs }: Chain, request: RouteRequest, hopTime: HopTime): PlannedRoute {
  const ring = stages.map((stage, index) =>
    planned(stage, hopTime(stage, stages[(index + 1) % stages.length] ?? stage)),
  );
  const firstRttMs = stages[0]?.rttMs ?? 0;
  const prefillMs = stages.reduce((sum, { served }) => sum + expectedPrefillMs(served, request.promptTokens), 0);
  return {
    stages: ring,
    expectedTokenMs: tokenMs,
    expectedFinishMs: firstRttMs + prefillMs + expectedAnswerTokens(request.maxTokens) * tokenMs,
  };
}

const planned = (candidate: StageCandidate, hopRttMs: number): PlannedStage => ({
  peer: candidate.peer,
  engine: candidate.served.engine,
  layers: candidate.layers,
  served: candidate.served,
  local: candidate.local,
  rttMs: candidate.rttMs,
  hopRttMs,
  expectedTokenMs: candidate.tokenMs,
});
