import { compareTiers, entryTier, planRoute } from '@opengateway/core';
import type { CatalogEntry, ManifestHash, PeerRegistry, PeerView } from '@opengateway/core';
import type { AnsweredModel } from '@opengateway/core/p2p';
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
export function missingParts(components: ReadinessComponents): readonly string[] {
  const { catalog, gate, texts } = components;
  if (gate.stopping) return ['the relay is stopping'];
  if (catalog.length === 0) return ['a model in MODELS_DIR'];
  const unread = new Set(texts.missing());
  if (unread.size === catalog.length) return [`the tokenizer of ${[...unread].join(', ')}`];
  const { candidates, peers } = look(components);
  if (candidates.some((entry) => howServed(entry, peers) !== 'not')) return [];
  const usable = catalog.filter(({ entry }) => !unread.has(entry.id));
  return [`a contributor that serves ${usable.map(({ entry }) => entry.id).join(' or ')}`];
}

/** Models that a completion would be answered with now, places free or not. */
export function readyModels(components: ReadinessComponents): readonly string[] {
  const { candidates, peers } = look(components);
  return candidates.filter((entry) => howServed(entry, peers) !== 'not').map(({ id }) => id);
}

/** Of `ready` models the identities, as other relays are told of them. */
export const answeredModels = (
  { catalog }: Pick<ReadinessComponents, 'catalog'>,
  ready: readonly string[],
): readonly AnsweredModel[] =>
  catalog
    .filter(({ entry }) => ready.includes(entry.id))
    .map(({ entry: { id, manifest } }) => ({ id, manifest: manifest as ManifestHash }));

/** Models of the catalogue that are not `ready` here: where they are is worth knowing. */
export const soughtModels = (
  { catalog }: Pick<ReadinessComponents, 'catalog'>,
  ready: readonly string[],
): readonly ManifestHash[] =>
  catalog.filter(({ entry }) => !ready.includes(entry.id)).map(({ entry }) => entry.manifest as ManifestHash);

/**
 * The best model that can be answered with now: of the highest tier, then the largest; one whose peers are all full
 * only where no other has a place.
 */
export function bestModel(components: ReadinessComponents): string | undefined {
  const { candidates, peers } = look(components);
  let full: string | undefined;
  for (const entry of candidates.toSorted((a, b) => compareModels(b, a))) {
    const served = howServed(entry, peers);
    if (served === 'with-place') return entry.id;
    if (served === 'full') full ??= entry.id;
  }
  return full;
}

/** The peers, and the models of which they announce a part and whose prompts can be read: planning takes longer. */
function look({ catalog, registry, texts }: ReadinessComponents) {
  const peers = registry.peers();
  const unread = new Set(texts.missing());
  const announced = new Set(peers.flatMap(({ advert }) => advert.models.map(({ manifest }) => manifest)));
  const entries = catalog.map(({ entry }) => entry);
  return { candidates: entries.filter(({ id, manifest }) => !unread.has(id) && announced.has(manifest)), peers };
}

const compareModels = (a: CatalogEntry, b: CatalogEntry): number =>
  compareTiers(entryTier(a), entryTier(b)) || a.bytes - b.bytes || (a.id < b.id ? 1 : -1);

type HowServed = 'with-place' | 'full' | 'not';

/** Whether somebody, or several together, hold the whole model, and have a place. */
function howServed({ manifest, layerCount }: CatalogEntry, peers: readonly PeerView[]): HowServed {
  const { route, full } = planRoute(
    { manifest: manifest as ManifestHash, layerCount, promptTokens: 1, maxTokens: 1 },
    {
      peers,
      rttMs: () => 0,
      hopRttMs: () => undefined,
      unseenSessions: () => 0,
      excluded: new Set(),
      excludedHops: new Set(),
      penalised: () => false,
    },
  );
  if (route === undefined) return full ? 'full' : 'not';
  // A peer with the whole model is in the plan however many wait for it.
  return route.stages.every(({ served }) => served.freeSlots > 0) ? 'with-place' : 'full';
}
