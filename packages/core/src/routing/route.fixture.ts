import type { ManifestHash, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerView } from '../membership/peer-view.ts';
import type { RouteKnowledge, RouteRequest } from './types.ts';

const MANIFEST = 'c'.repeat(64) as ManifestHash;

export const request: RouteRequest = { manifest: MANIFEST, layerCount: 4, promptTokens: 100, maxTokens: 50 };

export const served: ServedModel = {
  id: 'fake',
  manifest: MANIFEST,
  layers: [0, 4],
  engine: 'wasm',
  contextLength: 2_048,
  slots: 4,
  freeSlots: 4,
  queued: 0,
  decodeTokensPerSecond: 50,
  prefillTokensPerSecond: 200,
};

export const view = (
  peer: string,
  change: Partial<ServedModel> = {},
  state: 'serving' | 'paused' = 'serving',
): PeerView => ({
  peer: peer as PeerName,
  lastSeenMs: 0,
  tiers: ['starter'],
  advert: { v: 1, sequence: 1, run: 1, state, kind: 'tab', models: [{ ...served, ...change }] },
});

/** A peer with a part of the model. */
export const part = (peer: string, start: number, end: number, change: Partial<ServedModel> = {}): PeerView =>
  view(peer, { layers: [start, end], ...change });

export const knowing = (peers: readonly PeerView[], change: Partial<RouteKnowledge> = {}): RouteKnowledge => ({
  peers,
  rttMs: () => 10,
  hopRttMs: () => undefined,
  unseenSessions: () => 0,
  excluded: new Set(),
  excludedHops: new Set(),
  penalised: () => false,
  ...change,
});
