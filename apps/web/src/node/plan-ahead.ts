import { DEFAULT_MAX_TOKENS, planRoute } from '@opengateway/core';
import type { CatalogEntry, ManifestHash, PeerName, PeerView, RoutePlan, ServedModel } from '@opengateway/core';

/** A short question: what is said before anything is written. */
const EXPECTED_PROMPT_TOKENS = 64;

/** Who would answer a short question now, as far as this tab has heard. `rttMs` stands for every way. */
export const planAhead = (
  { manifest, layerCount }: CatalogEntry,
  known: { peers: readonly PeerView[]; own: { peer: PeerName; models: readonly ServedModel[] }; rttMs: number },
): RoutePlan => {
  const { peers, own, rttMs } = known;
  const served = own.models.find((model) => model.manifest === manifest);
  return planRoute(
    {
      manifest: manifest as ManifestHash,
      layerCount,
      promptTokens: EXPECTED_PROMPT_TOKENS,
      maxTokens: DEFAULT_MAX_TOKENS,
    },
    {
      peers,
      rttMs: () => rttMs,
      hopRttMs: () => undefined,
      unseenSessions: () => 0,
      excluded: new Set(),
      excludedHops: new Set(),
      penalised: () => false,
      ...(served === undefined ? {} : { local: { peer: own.peer, served } }),
    },
  );
};
