import type { PeerName, PeerView, ServedModel, Tier } from '@opengateway/core';

/** One model as an advert names it. */
export const servedModel = (over: Partial<ServedModel> = {}): ServedModel => ({
  id: 'tiny',
  manifest: 'a'.repeat(64),
  layers: [0, 30],
  engine: 'wasm',
  contextLength: 2048,
  slots: 8,
  freeSlots: 8,
  queued: 0,
  decodeTokensPerSecond: 50,
  prefillTokensPerSecond: 200,
  ...over,
});

/** A peer as the registry gives it. */
export const peerView = (
  peer: string,
  over: Partial<PeerView['advert']> = {},
  model: Partial<ServedModel> = {},
  tiers: readonly Tier[] = ['starter'],
): PeerView => ({
  peer: peer as PeerName,
  advert: { v: 1, sequence: 1, run: 1, state: 'serving', kind: 'tab', models: [servedModel(model)], ...over },
  lastSeenMs: 1000,
  tiers,
});
