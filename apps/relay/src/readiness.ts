import { planRoute } from '@opengateway/core';
import type { ManifestHash, PeerRegistry } from '@opengateway/core';
import type { CatalogModel } from './catalog.ts';
import type { DrainGate } from './drain-gate.ts';
import type { TextModels } from './text-models.ts';

export interface ReadinessComponents {
  readonly catalog: readonly CatalogModel[];
  readonly gate: DrainGate;
  /** The relay's own, which shows only peers that are connected to it: others could not be used. */
  readonly registry: PeerRegistry;
  readonly texts: Pick<TextModels, 'missing'>;
}

/** What a relay still needs before a completion can be answered, in words for its operator. */
export function missingParts({ catalog, gate, registry, texts }: ReadinessComponents): readonly string[] {
  if (gate.stopping) return ['the relay is stopping'];
  if (catalog.length === 0) return ['a model in MODELS_DIR'];
  const unread = new Set(texts.missing());
  if (unread.size === catalog.length) return [`the tokenizer of ${[...unread].join(', ')}`];
  const usable = catalog.filter(({ entry }) => !unread.has(entry.id));
  if (usable.some((model) => isServed(model, registry))) return [];
  return [`a contributor that serves ${usable.map(({ entry }) => entry.id).join(' or ')}`];
}

/** Models that a completion would be answered with now. */
export const readyModels = ({ catalog, registry, texts }: ReadinessComponents): readonly string[] => {
  const unread = new Set(texts.missing());
  return catalog
    .filter((model) => !unread.has(model.entry.id) && isServed(model, registry))
    .map(({ entry }) => entry.id);
};

/** Whether somebody, or several together, hold the whole model, places free or not. */
function isServed({ entry }: CatalogModel, registry: PeerRegistry): boolean {
  const { manifest, layerCount } = entry;
  const { route, full } = planRoute(
    { manifest: manifest as ManifestHash, layerCount, promptTokens: 1, maxTokens: 1 },
    {
      peers: registry.peers(),
      rttMs: () => 0,
      hopRttMs: () => undefined,
      unseenSessions: () => 0,
      excluded: new Set(),
      excludedHops: new Set(),
      penalised: () => false,
    },
  );
  return route !== undefined || full;
}
