import type { PeerId } from '@libp2p/interface';

/** As much of libp2p's store of slots as is used; its type leaves it out. */
export interface SlotStore {
  addRelay(relay: PeerId, type: 'discovered' | 'configured'): Promise<unknown>;
  hasReservation(relay: PeerId): boolean;
}

/**
 * The relays that a peer is linked to: they alone are asked to reach others, hand in connections of others and keep
 * a slot for this peer. Empty at a relay.
 */
export interface ChosenRelays {
  has(relay: PeerId): boolean;
  add(relay: PeerId): void;
  delete(relay: PeerId): void;
  /** Whether others can reach this peer by way of the relay. */
  hasSlot(relay: PeerId): boolean;
  /** Asks the relay for a slot. @throws what libp2p throws where there is none */
  requestSlot(relay: PeerId): Promise<void>;
  /** Where slots are kept; by itself libp2p would take one at whoever relays. */
  keepSlotsIn(store: SlotStore): void;
}

export function createChosenRelays(): ChosenRelays {
  const chosen = new Set<string>();
  let slots: SlotStore | undefined;
  const has = (relay: PeerId) => chosen.has(relay.toString());
  return {
    has,
    add: (relay) => void chosen.add(relay.toString()),
    delete: (relay) => void chosen.delete(relay.toString()),
    hasSlot: (relay) => slots?.hasReservation(relay) ?? false,
    requestSlot: async (relay) => void (await slots?.addRelay(relay, 'discovered')),
    keepSlotsIn(store) {
      slots = store;
      const addRelay = store.addRelay.bind(store);
      store.addRelay = async (relay, type) => {
        if (!has(relay)) throw new Error('A slot is kept at relays that were chosen alone.');
        return addRelay(relay, type);
      };
    },
  };
}
