import { compareTiers, entryTier, planRoute } from '@opengateway/core';
import type { CatalogEntry, ManifestHash, PeerRegistry } from '@opengateway/core';
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
export function missingParts({ catalog, gate, registry, texts }: ReadinessComponents): readonly string[] {
  if (gate.stopping) return ['the relay is stopping'];
  if (catalog.length === 0) return ['a model in MODELS_DIR'];
  const unread = new Set(texts.missing());
  if (unread.size === catalog.length) return [`the tokenizer of ${[...unread].join(', ')}`];
  const usable = catalog.filter(({ entry }) => !unread.has(entry.id));
  if (usable.some((model) => isServed(model, registry))) return [];
  return [`a contributor that serves ${usable.map(({ entry }) => entry.id).join(' or ')}`];
}

/** Models that a completion would be answered with now, places free or not. */
export const readyModels = (components: ReadinessComponents): readonly string[] =>
  candidates(components)
    .filter((model) => isServed(model, components.registry))
    .map(({ entry }) => entry.id);

/** The same with their identities, as other relays are told of them. */
export function answeredModels(components: ReadinessComponents): readonly AnsweredModel[] {
  const ready = new Set(readyModels(components));
  return components.catalog.filter(({ entry }) => ready.has(entry.id)).map(({ entry }) => identityOf(entry));
}

/** Models of the catalogue that nobody here serves: where they are is worth knowing. */
export function soughtModels(components: ReadinessComponents): readonly ManifestHash[] {
  const ready = new Set(readyModels(components));
  return components.catalog.filter(({ entry }) => !ready.has(entry.id)).map(({ entry }) => identityOf(entry).manifest);
}

const identityOf = ({ id, manifest }: CatalogEntry): AnsweredModel => ({ id, manifest: manifest as ManifestHash });

/**
 * The best model that can be answered with now: of the highest tier, then the largest; one whose peers are all full
 * only where no other has a place.
 */
export function bestModel(components: ReadinessComponents): string | undefined {
  const found = candidates(components)
    .map(({ entry }) => ({ entry, served: howServed(entry, components.registry) }))
    .filter(({ served }) => served !== 'not');
  const [best] = found.sort((a, b) => byPlaces(a.served, b.served) || compareModels(b.entry, a.entry));
  return best?.entry.id;
}

/** Those whose prompts can be read here and of which somebody announces a part: planning takes longer than looking. */
function candidates({ catalog, registry, texts }: ReadinessComponents): readonly CatalogModel[] {
  const unread = new Set(texts.missing());
  const announced = new Set(registry.peers().flatMap(({ advert }) => advert.models.map(({ manifest }) => manifest)));
  return catalog.filter(({ entry }) => !unread.has(entry.id) && announced.has(entry.manifest));
}

const byPlaces = (a: HowServed, b: HowServed): number => Number(a === 'full') - Number(b === 'full');

const compareModels = (a: CatalogEntry, b: CatalogEntry): number =>
  compareTiers(entryTier(a), entryTier(b)) || a.bytes - b.bytes || (a.id < b.id ? 1 : -1);

const isServed = ({ entry }: CatalogModel, registry: PeerRegistry): boolean => howServed(entry, registry) !== 'not';

type HowServed = 'with-place' | 'full' | 'not';

/** Whether somebody, or several together, hold the whole model, and have a place. */
function howServed({ manifest, layerCount }: CatalogEntry, registry: PeerRegistry): HowServed {
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
  if (route === undefined) return full ? 'full' : 'not';
  // A peer with the whole model is in the plan however many wait for it.
  return route.stages.every(({ served }) => served.freeSlots > 0) ? 'with-place' : 'full';
}
