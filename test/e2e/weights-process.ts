/**
 * A device that loads the model from peers, in a process of its own, and writes down what it gets before anything else
 * happens to it: `verified <chunk> <bytes received>` and `kept <chunk> <bytes received>`, a line each.
 */
import { openSync, writeSync } from 'node:fs';
import { createNetwork } from '@opengateway/core/p2p';
import { createEngineClient } from '@opengateway/gpu-worker/node';
import { manifest } from './weights-device.ts';
import type { WeightsExchange } from '@opengateway/core';

/** Nobody answers there: chunks come from peers alone. */
const NOWHERE = 'http://127.0.0.1:9/';

const [multiaddrs = '', storeDirectory = '', logPath = ''] = process.argv.slice(2);
const log = openSync(logPath, 'a');
const network = await createNetwork(
  {},
  { role: 'peer', region: 'local', relays: [{ region: 'local', multiaddrs: multiaddrs.split(',') }] },
);
const note = (word: string, chunk: number) => {
  const accounts = [...network.weights.accounts().values()];
  const received = accounts.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
  writeSync(log, `${word} ${chunk} ${received}\n`);
};
const weights: Pick<WeightsExchange, 'join'> = {
  join({ local, ...model }) {
    const take: typeof local.take = async (chunk, bytes, origin) => {
      note('verified', chunk);
      const taken = await local.take(chunk, bytes, origin);
      if (taken.kept) note('kept', chunk);
      return taken;
    };
    return network.weights.join({ ...model, local: { ...local, take } });
  },
};
await network.start();
const engine = createEngineClient({ storeDirectory, weights });
await engine.load({
  manifest,
  weights: { kind: 'http', baseUrl: NOWHERE },
  engine: 'wasm',
  layers: { start: 0, end: manifest.architecture.layerCount },
});
writeSync(log, 'loaded\n');
process.exit(0);
