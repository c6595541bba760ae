import { isWholeModel } from '../ids.ts';
import type { PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { expectedFinishMs } from './expected-finish.ts';
import type { PlannedRoute, Rejection, RejectionReason, RouteKnowledge, RoutePlan, RouteRequest } from './types.ts';

export type { PlannedRoute, PlannedStage, Rejection, RouteKnowledge, RoutePlan, RouteRequest } from './types.ts';

/**
 * The whole-model peer with the lowest expected finish; equal ones by name, so that equal knowledge gives
 * equal routes.
 */
export function planRoute(request: RouteRequest, knowledge: RouteKnowledge): RoutePlan {
  const rejections: Rejection[] = [];
  let best: Candidate | undefined;
  for (const view of candidates(knowledge)) {
    const result = examine(view, request, knowledge);
    if (typeof result === 'string') rejections.push({ peer: view.peer, reason: result });
    else if (best === undefined || isBetter(result, best)) best = result;
  }
  const reason = best === undefined ? 'layers-missing' : 'whole-model';
  return { route: best?.route, full: false, reason, missing: [], rejections };
}

interface Offer {
  readonly peer: PeerName;
  readonly models: readonly ServedModel[];
  readonly serving: boolean;
  readonly local: boolean;
  readonly lastSeenMs: number;
}

interface Candidate {
  readonly peer: PeerName;
  readonly penalised: boolean;
  readonly route: PlannedRoute;
}

function* candidates({ peers, local }: RouteKnowledge): Generator<Offer> {
  if (local !== undefined) {
    yield { peer: local.peer, models: [local.served], serving: true, local: true, lastSeenMs: 0 };
  }
  for (const { peer, advert, lastSeenMs } of peers) {
    if (peer === local?.peer) continue;
    yield { peer, models: advert.models, serving: advert.state === 'serving', local: false, lastSeenMs };
  }
}

function examine(offer: Offer, request: RouteRequest, knowledge: RouteKnowledge): Candidate | RejectionReason {
  const { peer, local } = offer;
  const sameModel = offer.models.filter(({ manifest }) => manifest === request.manifest);
  if (sameModel.length === 0) return 'model-not-served';
  const served = sameModel.find(({ layers: [start, end] }) => isWholeModel({ start, end }, request.layerCount));
  if (served === undefined) return 'part-of-model';
  if (!offer.serving) return 'not-serving';
  if (served.contextLength <= request.promptTokens) return 'context-too-short';
  if (knowledge.excluded.has(peer)) return 'excluded';
  const rttMs = local ? 0 : knowledge.rttMs(peer);
  if (rttMs === undefined) return 'unreachable';
  // What this device serves is read now, not from an advert: nothing about it is unseen.
  const unseenSessions = local ? 0 : knowledge.unseenSessions(peer, offer.lastSeenMs);
  const { promptTokens, maxTokens } = request;
  const finish = expectedFinishMs({ served, unseenSessions, promptTokens, maxTokens, rttMs });
  const layers = { start: served.layers[0], end: served.layers[1] };
  return {
    peer,
    penalised: knowledge.penalised(peer),
    route: {
      stages: [{ peer, engine: served.engine, layers, served, local, rttMs, hopRttMs: 0, expectedTokenMs: 0 }],
      expectedTokenMs: 0,
      expectedFinishMs: finish,
      // Read by callers that know single stages only.
      ...{ served, local, rttMs },
    },
  };
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.penalised !== b.penalised) return b.penalised;
  const difference = a.route.expectedFinishMs - b.route.expectedFinishMs;
  return difference === 0 ? a.peer < b.peer : difference < 0;
}
