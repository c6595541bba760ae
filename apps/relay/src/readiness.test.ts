import { createPeerRegistry, systemClock } from '@opengateway/core';
import type { PeerName, PeerRegistryWriter } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { DrainGate } from './drain-gate.ts';
import { answeredModels, bestModel, missingParts, readyModels, soughtModels } from './readiness.ts';
import type { ReadinessComponents } from './readiness.ts';

const entry = { id: 'fake', manifest: 'a'.repeat(64), layerCount: 4 };
const peer = 'p1' as PeerName;

/** A relay with one model, which one peer serves. */
function setUp(connected: Set<PeerName>): ReadinessComponents & { readonly registry: PeerRegistryWriter } {
  const registry = createPeerRegistry(
    { clock: systemClock, isConnected: (name) => connected.has(name) },
    { connectedOnly: true },
  );
  registry.offer(peer, {
    v: 1,
    run: 1,
    sequence: 1,
    state: 'serving',
    kind: 'tab',
    models: [
      {
        id: entry.id,
        manifest: entry.manifest,
        layers: [0, entry.layerCount],
        engine: 'wasm',
        contextLength: 256,
        slots: 1,
        freeSlots: 1,
        queued: 0,
        decodeTokensPerSecond: 1,
        prefillTokensPerSecond: 1,
      },
    ],
  });
  const catalog = [{ entry }] as unknown as ReadinessComponents['catalog'];
  return { catalog, gate: new DrainGate(), registry, texts: { missing: () => [] } };
}

describe('readiness', () => {
  it('needs a contributor that is connected, not only one that says it serves the model', () => {
    const connected = new Set([peer]);
    const components = setUp(connected);
    expect(missingParts(components)).toEqual([]);
    expect(readyModels(components)).toEqual(['fake']);
    connected.clear();
    expect(missingParts(components)).toEqual(['a contributor that serves fake']);
    expect(readyModels(components)).toEqual([]);
  });

  it('looks at the peers once, however many models there are', () => {
    const components = setUp(new Set([peer]));
    const catalog = Array.from({ length: 40 }, (_, index) => ({ entry: { ...entry, id: `fake-${index}` } }));
    let looks = 0;
    const registry = { ...components.registry, peers: () => ((looks += 1), components.registry.peers()) };
    const many = { ...components, registry, catalog: catalog as unknown as ReadinessComponents['catalog'] };
    expect(readyModels(many)).toHaveLength(40);
    expect(looks).toBe(1);
    expect(bestModel(many)).toBe('fake-0');
    expect(missingParts(many)).toEqual([]);
    expect(looks).toBe(3);
  });

  it('tells other relays what is ready here, and seeks the rest', () => {
    const { catalog } = setUp(new Set());
    const { manifest } = entry;
    expect(answeredModels({ catalog }, ['fake', 'other'])).toEqual([{ id: 'fake', manifest }]);
    expect(soughtModels({ catalog }, ['fake'])).toEqual([]);
    expect(answeredModels({ catalog }, [])).toEqual([]);
    expect(soughtModels({ catalog }, [])).toEqual([manifest]);
  });

  it('is not reached by a stranger that is not connected', () => {
    expect(missingParts(setUp(new Set()))).toEqual(['a contributor that serves fake']);
  });
});

describe('the best model', () => {
  const models = [
    { id: 'tiny', manifest: 'a'.repeat(64), layerCount: 4, bytes: 9e9, tier: 'starter' },
    { id: 'large', manifest: 'b'.repeat(64), layerCount: 4, bytes: 5e9, tier: 'model-a' },
    { id: 'larger', manifest: 'c'.repeat(64), layerCount: 4, bytes: 6e9, tier: 'model-a' },
    { id: 'largest', manifest: 'd'.repeat(64), layerCount: 4, bytes: 400e9 },
  ] as const;
  type Served = (typeof models)[number]['id'];

  /** What each serves, by how many places are free; with the text sides of `unread` still closed. */
  const bestOf = (free: Partial<Record<Served, number>>, unread: readonly Served[] = []) => {
    const components = setUp(new Set(models.map(({ id }) => id as PeerName)));
    for (const { id, manifest, layerCount } of models) {
      const freeSlots = free[id];
      if (freeSlots === undefined) continue;
      const rates = { decodeTokensPerSecond: 1, prefillTokensPerSecond: 1 };
      components.registry.offer(id as PeerName, {
        v: 1,
        run: 1,
        sequence: 1,
        state: 'serving',
        kind: 'tab',
        models: [
          {
            id,
            manifest,
            layers: [0, layerCount],
            engine: 'wasm',
            contextLength: 256,
            slots: 1,
            freeSlots,
            queued: 0,
            ...rates,
          },
        ],
      });
    }
    const catalog = models.map((model) => ({ entry: model })) as unknown as ReadinessComponents['catalog'];
    return bestModel({ ...components, catalog, texts: { missing: () => unread } });
  };

  it('is that of the highest tier, then the largest', () => {
    expect(bestOf({ tiny: 1, large: 1, larger: 1, largest: 1 })).toBe('largest');
    expect(bestOf({ tiny: 1, large: 1, larger: 1 })).toBe('larger');
    expect(bestOf({ tiny: 1 })).toBe('tiny');
    expect(bestOf({})).toBeUndefined();
  });

  it('is one with a place before one whose peers are full, and that before none', () => {
    expect(bestOf({ tiny: 1, larger: 0 })).toBe('tiny');
    expect(bestOf({ tiny: 0, larger: 0 })).toBe('larger');
  });

  it('is none whose prompts cannot be read yet', () => {
    expect(bestOf({ tiny: 1, larger: 1 }, ['larger'])).toBe('tiny');
  });
});
