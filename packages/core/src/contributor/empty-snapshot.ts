import type { ContributorSnapshot, LoadingProgress } from './types.ts';

/** Weights of which nothing came yet. */
export const nothingLoaded = (totalBytes: number): LoadingProgress => ({
  doneBytes: 0,
  totalBytes,
  fetchedBytes: 0,
  bytesPerSecond: 0,
  fromPeersBytes: 0,
  fromServerBytes: 0,
  peers: 0,
});

/** What a run leaves nothing of. */
export const RESET = {
  model: null,
  held: [],
  engine: null,
  layers: null,
  variant: null,
  loading: null,
  error: null,
  decodeTokensPerSecond: 0,
  prefillTokensPerSecond: 0,
  requestsNow: 0,
  requestsQueued: 0,
  tokensPerSecond: 0,
} satisfies Partial<ContributorSnapshot>;

/** A contributor before its first start; when and whether connected is added. */
export const IDLE = {
  ...RESET,
  state: 'idle',
  requestsServed: 0,
  tokensServed: 0,
  lastRequestMs: null,
  storedBytes: 0,
  recovery: null,
} satisfies Partial<ContributorSnapshot>;
