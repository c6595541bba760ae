import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import type { ModelManifest } from '../models/manifest.ts';
import { parseManifest } from '../models/parse-manifest.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { layersForSwarm, roomForLayers, swarmOf } from './choose-layers.ts';
import type { StartContributing } from './types.ts';

const MIB = 2 ** 20;
const MANIFEST = 'e'.repeat(64) as ManifestHash;
const SELF = 'self' as PeerName;
const options = { memoryBytes: 130 * MIB, kvBudgetBytes: 16 * MIB } as StartContributing;

let manifest: ModelManifest;

beforeAll(async () => {
  const path = new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url);
  manifest = parseManifest(JSON.parse(await readFile(path, 'utf8')));
});

/** What this device chooses beside others of equal room that have yet to choose, as fast as they say. */
function chosenBeside(others: Readonly<Record<string, number>>) {
  const registry = createPeerRegistry({ clock: new FakeClock() });
  for (const [name, decodeTokensPerSecond] of Object.entries(others)) {
    const model: ServedModel = {
      id: 'smollm2-135m-instruct',
      manifest: MANIFEST,
      layers: [0, 0],
      fits: roomForLayers(options, manifest),
      engine: 'wasm',
      contextLength: 0,
      slots: 0,
      freeSlots: 0,
      queued: 0,
      decodeTokensPerSecond,
      prefillTokensPerSecond: 0,
    };
    const advert = { v: 1, sequence: 1, run: 1, state: 'loading', kind: 'node', models: [model] } as const;
    registry.offer(name as PeerName, { ...advert, models: [model] });
  }
  return layersForSwarm(options, manifest, swarmOf(registry, MANIFEST, SELF), SELF);
}

describe('layers of those who choose at the same time', () => {
  it('are shares by room, and of equal ones the larger go to those that say they are faster', () => {
    // 30 layers among 4: two have 8, two have 7.
    expect(chosenBeside({ a: 0, b: 0, z: 0 })).toEqual({ start: 16, end: 23 });
    expect(chosenBeside({ a: 0, b: 0, z: 20 })).toEqual({ start: 15, end: 22 });
  });
});
