import type { PeerName } from '../ids.ts';
import type { PeerRegistry, PeerView } from './peer-view.ts';

/** One view of the registries of several clusters: a peer of many is one peer, as the newest of its adverts says. */
export function mergeRegistries(registries: readonly PeerRegistry[]): PeerRegistry {
  return {
    peers() {
      const merged = new Map<PeerName, PeerView>();
      for (const registry of registries) {
        for (const view of registry.peers()) merged.set(view.peer, join(merged.get(view.peer), view));
      }
      return [...merged.values()];
    },
    get: (peer) =>
      registries.reduce<PeerView | undefined>((known, registry) => {
        const view = registry.get(peer);
        return view === undefined ? known : join(known, view);
      }, undefined),
    subscribe(listener) {
      const ends = registries.map((registry) => registry.subscribe(listener));
      return () => ends.forEach((end) => end());
    },
  };
}

function join(known: PeerView | undefined, view: PeerView): PeerView {
  if (known === undefined) return view;
  const newest = view.lastSeenMs >= known.lastSeenMs ? view : known;
  return { ...newest, tiers: [...known.tiers, ...view.tiers] };
}
