/**
 * One stage of a chain in a process of its own, which does harm when told to: with the real engine and the real
 * network, started by `ChainLab` with a relay's addresses and a range of layers.
 */
import { manifestHash, parseManifest } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { createEngineClient } from '@opengateway/gpu-worker/node';
import { readFile } from 'node:fs/promises';
import { ACTIVATIONS_PROTOCOL, MODEL_PATH } from './chain-constants.ts';
import type { ServedModel } from '@opengateway/core';

/** What the parent process asks for; killing and stopping it does itself. */
export type Harm = 'corrupt' | 'drop';

const [relay = '', start = '', end = ''] = process.argv.slice(2);
const layers = { start: Number(start), end: Number(end) };
const manifest = parseManifest(JSON.parse(await readFile(`${MODEL_PATH}/manifest.json`, 'utf8')));
const { architecture } = manifest;

const engine = createEngineClient();
const loaded = await engine.load({
  manifest,
  weights: { kind: 'directory', path: MODEL_PATH },
  engine: 'wasm',
  layers,
});
const network = await createNetwork(
  {},
  { role: 'peer', region: 'local', relays: [{ region: 'local', multiaddrs: relay.split(',') }] },
);

/** Done to the next frame that leaves, once. */
let harm: Harm | null = null;
process.on('message', (asked: Harm) => {
  harm = asked;
});
network.node.addEventListener('connection:open', ({ detail: connection }) => {
  const newStream = connection.newStream.bind(connection);
  connection.newStream = async (protocols, options) => {
    const stream = await newStream(protocols, options);
    if (protocols !== ACTIVATIONS_PROTOCOL) return stream;
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      const asked = harm;
      harm = null;
      if (asked === null) return send(data);
      if (asked === 'drop') return true;
      const bytes = data.subarray().slice();
      bytes[bytes.byteLength - 1]! ^= 0x10;
      return send(bytes);
    };
    return stream;
  };
});

const served: ServedModel = {
  id: 'smollm2-135m-instruct',
  manifest: await manifestHash(manifest),
  layers: [layers.start, layers.end],
  engine: 'wasm',
  contextLength: architecture.contextLength,
  slots: loaded.info.maxSequences,
  freeSlots: loaded.info.maxSequences,
  queued: 0,
  decodeTokensPerSecond: loaded.decodeTokensPerSecond,
  prefillTokensPerSecond: loaded.prefillTokensPerSecond,
};
await network.start();
network.serve({
  generator: engine.generator,
  part: { runner: engine.layers, shape: () => architecture },
  served: () => [served],
  kind: 'node',
});
process.send?.(network.peer);
