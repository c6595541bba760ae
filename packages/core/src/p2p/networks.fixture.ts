import type { LayerRange, ManifestHash, ModelId } from '../ids.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { CoordinatorRequest } from '../inference/coordinator-types.ts';
import type { ServedModel } from '../membership/advert.ts';
import { FakeGenerator } from '../testing/fake-generator.ts';
import { FAKE_MODEL_SHAPE } from '../testing/fake-layer-model.ts';
import { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import { createNetwork } from './create-network.ts';
import type { Network, ServingHandle } from './network.ts';
import type { RelayPlace } from './relays/relay-place.ts';

const started: Network[] = [];

/** A network that `stopNetworks` ends. */
export async function startNetwork(init: Parameters<typeof createNetwork>[1]): Promise<Network> {
  const network = await createNetwork({}, init);
  started.push(network);
  await network.start();
  return network;
}

export async function stopNetworks(): Promise<void> {
  await Promise.all(started.splice(0).map((network) => network.stop()));
}

/** Where a relay of these tests is. */
export const placeOf = (relay: Network): RelayPlace => ({ region: relay.region, multiaddrs: relay.multiaddrs() });

const MANIFEST = 'd'.repeat(64) as ManifestHash;

/** A request of the fake model that parts can hold. */
export const fakeRequest = (promptTokens: number, maxTokens: number): CoordinatorRequest => ({
  model: 'fake' as ModelId,
  manifest: MANIFEST,
  layerCount: FAKE_MODEL_SHAPE.layerCount,
  vocabularySize: FAKE_MODEL_SHAPE.vocabularySize,
  tokens: Array.from({ length: promptTokens }, (_, index) => index * 7),
  promptTokenCount: promptTokens,
  maxTokens,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 11 },
});

/** What a peer says of layers `[start, end)` of the fake model. */
export const servedByFake = ({ start, end }: LayerRange): ServedModel => ({
  id: 'fake',
  manifest: MANIFEST,
  layers: [start, end],
  engine: 'wasm',
  contextLength: 8192,
  slots: 8,
  freeSlots: 8,
  queued: 0,
  decodeTokensPerSecond: 100,
  prefillTokensPerSecond: 1000,
});

export interface PartPeer {
  readonly network: Network;
  readonly runner: FakeLayerRunner;
  readonly serving: ServingHandle;
}

/** A peer that holds layers `[start, end)` of the fake model. */
export async function startPart(relay: Network, start: number, end: number): Promise<PartPeer> {
  const layers = { start, end };
  const network = await startNetwork({ role: 'peer', region: relay.region, relays: [placeOf(relay)] });
  const runner = new FakeLayerRunner({ layers });
  const part = { runner, shape: () => FAKE_MODEL_SHAPE };
  const serving = network.serve({
    generator: new FakeGenerator(),
    part,
    served: () => [servedByFake(layers)],
    kind: 'node',
  });
  return { network, runner, serving };
}
