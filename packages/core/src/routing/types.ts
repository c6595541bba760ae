import type { LayerRange, ManifestHash, PeerName } from '../ids.ts';
import type { RouteStage } from '../inference/coordinator-types.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerView } from '../membership/peer-view.ts';

export interface RouteRequest {
  readonly manifest: ManifestHash;
  readonly layerCount: number;
  /** Prompt and answer so far. */
  readonly promptTokens: number;
  readonly maxTokens: number;
}

/** What a coordinator knows when it plans. */
export interface RouteKnowledge {
  readonly peers: readonly PeerView[];
  /** Round trip of the open connection to a peer; undefined where there is none. */
  rttMs(peer: PeerName): number | undefined;
  /** Round trip between two peers as stages measured it; undefined where none has: it is estimated then. */
  hopRttMs(from: PeerName, to: PeerName): number | undefined;
  /** Sessions this coordinator opened there less those that ended since the peer's last advert. */
  unseenSessions(peer: PeerName, sinceMs: number): number;
  /** Peers not to be used by this request. */
  readonly excluded: ReadonlySet<PeerName>;
  /** Pairs of peers that do not reach each other, made by `hopKey`; one direction each. */
  readonly excludedHops: ReadonlySet<string>;
  /** Peers used only where there is no other. */
  penalised(peer: PeerName): boolean;
  /** What this device serves to itself. */
  readonly local?: { readonly peer: PeerName; readonly served: ServedModel } | undefined;
}

/** One stage of a route, with all that was known of it when it was chosen. */
export interface PlannedStage extends RouteStage {
  readonly served: ServedModel;
  /** This very device. */
  readonly local: boolean;
  /** Round trip between coordinator and stage; 0 for this device. */
  readonly rttMs: number;
  /** Round trip to the next stage, from the last one to the first; 0 for a single stage. */
  readonly hopRttMs: number;
  /** Computing one token here, beside the sequences that are here already. */
  readonly expectedTokenMs: number;
}

export interface PlannedRoute {
  /** In the order of their layers, which are `[0, layerCount)` together. */
  readonly stages: readonly PlannedStage[];
  /** One token through all stages and once around the ring. */
  readonly expectedTokenMs: number;
  /** Round trip, load where the model is on disk, prefill as if no stages overlapped, decode. */
  readonly expectedFinishMs: number;
}

/**
 * Why a peer is not in the route. `part-of-model`: a whole-model peer was found, parts are not looked at;
 * `part-on-disk`: a stage of a chain must hold its part in memory, as all of them wait for the slowest;
 * `no-neighbour`: no chain of other peers meets its layers at both ends; `too-many-stages`, `hop-too-slow`:
 * there would be one but for `MAX_CHAIN_STAGES`, or for slow and excluded hops.
 */
export type RejectionReason =
  | 'model-not-served'
  | 'part-of-model'
  | 'part-on-disk'
  | 'not-serving'
  | 'context-too-short'
  | 'unreachable'
  | 'excluded'
  | 'full'
  | 'no-neighbour'
  | 'too-many-stages'
  | 'hop-too-slow';

export interface Rejection {
  readonly peer: PeerName;
  readonly reason: RejectionReason;
}

/**
 * What a plan came to. With a route: `whole-model` or `chain`. Without: `full` (places are lacking, nothing
 * else), `layers-missing` (nobody able holds them), `no-chain` (all layers are held, but the ranges do not
 * meet, or only over too many stages or too slow hops).
 */
export type PlanReason = 'whole-model' | 'chain' | 'full' | 'layers-missing' | 'no-chain';

export interface RoutePlan {
  /** Undefined where there is none now. */
  readonly route: PlannedRoute | undefined;
  /** No route now, but one if peers had free places: worth waiting in line for. */
  readonly full: boolean;
  readonly reason: PlanReason;
  /** Layers that no peer able to take this request holds, full ones included; empty with a route. */
  readonly missing: readonly LayerRange[];
  /** Everyone considered and not able, with the reason; peers that are only slower are not among them. */
  readonly rejections: readonly Rejection[];
}
