import { isWholeModel } from '../ids.ts';
import type { LayerRange, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { expectedTokenMs, freePlaces } from './expected-finish.ts';
import type { OccupiedPeer } from './expected-finish.ts';
import type { Rejection, RejectionReason, RouteKnowledge, RouteRequest } from './types.ts';

/** A peer that could take the request, with a part of the model or all of it. */
export interface StageCandidate extends OccupiedPeer {
  readonly peer: PeerName;
  readonly layers: LayerRange;
  readonly local: boolean;
  readonly rttMs: number;
  readonly penalised: boolean;
  /** Of a part: it computes nothing but what it has a place for. */
  readonly full: boolean;
  readonly tokenMs: number;
}

export interface ExaminedPeers {
  readonly wholes: readonly StageCandidate[];
  /** By name, full ones included. */
  readonly parts: readonly StageCandidate[];
  readonly rejections: Rejection[];
}

/**
 * Who could take the request, and why the others cannot. Of what lies on disk only whole models count: a chain would
 * wait for the slowest of its stages to load.
 */
export function examinePeers(request: RouteRequest, knowledge: RouteKnowledge): ExaminedPeers {
  const wholes: StageCandidate[] = [];
  const parts: StageCandidate[] = [];
  const rejections: Rejection[] = [];
  for (const offer of offers(knowledge)) {
    const result = examine(offer, request, knowledge);
    if (typeof result === 'string') rejections.push({ peer: offer.peer, reason: result });
    else if (isWholeModel(result.layers, request.layerCount)) wholes.push(result);
    else parts.push(result);
  }
  parts.sort((a, b) => (a.peer < b.peer ? -1 : 1));
  return { wholes, parts, rejections };
}

interface Offer {
  readonly peer: PeerName;
  readonly models: readonly ServedModel[];
  readonly serving: boolean;
  readonly local: boolean;
  readonly lastSeenMs: number;
}

function* offers({ peers, local }: RouteKnowledge): Generator<Offer> {
  if (local !== undefined) {
    yield { peer: local.peer, models: [local.served], serving: true, local: true, lastSeenMs: 0 };
  }
  for (const { peer, advert, lastSeenMs } of peers) {
    if (peer === local?.peer) continue;
    yield { peer, models: advert.models, serving: advert.state === 'serving', local: false, lastSeenMs };
  }
}

function examine(offer: Offer, request: RouteRequest, knowledge: RouteKnowledge): StageCandidate | RejectionReason {
  const { peer, local } = offer;
  const served = widest(offer.models, request);
  if (served === undefined) return 'model-not-served';
  if (!offer.serving) return 'not-serving';
  if (served.contextLength <= request.promptTokens) return 'context-too-short';
  const layers = { start: served.layers[0], end: served.layers[1] };
  if (served.stored === true && !isWholeModel(layers, request.layerCount)) return 'part-on-disk';
  if (knowledge.excluded.has(peer)) return 'excluded';
  const rttMs = local ? 0 : knowledge.rttMs(peer);
  if (rttMs === undefined) return 'unreachable';
  // What this device serves is read now, not from an advert: nothing about it is unseen.
  const occupied = { served, unseenSessions: local ? 0 : knowledge.unseenSessions(peer, offer.lastSeenMs) };
  return {
    ...occupied,
    peer,
    local,
    rttMs,
    layers,
    penalised: knowledge.penalised(peer),
    full: freePlaces(occupied) < 1,
    tokenMs: expectedTokenMs(occupied),
  };
}

/** What a peer holds of the model: of several ranges the longest, so that no peer is in a chain twice. */
function widest(models: readonly ServedModel[], { manifest, layerCount }: RouteRequest): ServedModel | undefined {
  let best: ServedModel | undefined;
  for (const served of models) {
    const [start, end] = served.layers;
    if (served.manifest !== manifest || start >= end || end > layerCount) continue;
    if (best === undefined || end - start > best.layers[1] - best.layers[0]) best = served;
  }
  return best;
}
