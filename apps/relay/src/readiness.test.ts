import { createPeerRegistry, systemClock } from '@opengateway/core';
import type { PeerName } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { DrainGate } from './drain-gate.ts';
import { missingParts, readyModels } from './readiness.ts';
import type { ReadinessComponents } from './readiness.ts';

const entry = { id: 'fake', manifest: 'a'.repeat(64), layerCount: 4 };
const peer = 'p1' as PeerName;

/** A relay with one model, which one peer serves. */
function setUp(connected: Set<PeerName>): ReadinessComponents {
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

  it('is not reached by a stranger that is not connected', () => {
    expect(missingParts(setUp(new Set()))).toEqual(['a contributor that serves fake']);
  });
});
