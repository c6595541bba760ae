import { isWholeModel } from '../ids.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { RouteStage } from '../inference/coordinator-types.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerView } from '../membership/peer-view.ts';
import { expectedFinishMs } from './expected-finish.ts';

type RejectionReason =
  | 'model-not-served'
  | 'part-of-model'
  | 'not-serving'
  | 'context-too-short'
  | 'unreachable'
  | 'excluded';

export interface Rejection {
  readonly peer: PeerName;
  readonly reason: RejectionReason;
}

export interface RouteRequest {
  readonly manifest: ManifestHash;
  readonly layerCount: number;
  /** Prompt and answer so far. */
  readonly promptTokens: number;
  readonly maxTokens: number;
}

export interface RouteKnowledge {
  readonly peers: readonly PeerView[];
  /** Round trip of the open connection to a peer; undefined where there is none. */
  rttMs(peer: PeerName): number | undefined;
  /** Sessions this coordinator opened there less those that ended since the peer's last advert. */
  unseenSessions(peer: PeerName, sinceMs: number): number;
  /** Peers not to be used by this request. */
  readonly excluded: ReadonlySet<PeerName>;
  /** Peers used only where there is no other. */
  penalised(peer: PeerName): boolean;
  /** What this device serves to itself. */
  readonly local?: { readonly peer: PeerName; readonly served: ServedModel } | undefined;
}

export interface PlannedRoute {
  readonly stages: readonly RouteStage[];
  readonly served: ServedModel;
  readonly local: boolean;
  readonly rttMs: number;
  readonly expectedFinishMs: number;
}

export interface RoutePlan {
  /** Undefined where nobody qualifies. */
  readonly route: PlannedRoute | undefined;
  /** Everyone considered and not able, with the reason. */
  readonly rejections: readonly Rejection[];
}

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
  return { route: best?.route, rejections };
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
    route: { stages: [{ peer, engine: served.engine, layers }], served, local, rttMs, expectedFinishMs: finish },
  };
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.penalised !== b.penalised) return b.penalised;
  const difference = a.route.expectedFinishMs - b.route.expectedFinishMs;
  return difference === 0 ? a.peer < b.peer : difference < 0;
}
