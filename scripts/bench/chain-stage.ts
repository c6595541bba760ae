/**
 * One stage of a chain in a process of its own, for `npm run bench:chain`: the network and the engine in its worker
 * thread as a contributor has them, or timers in the engine's place. Started with `StageOptions` as JSON; ends with
 * the process that started it.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { FakeGenerator } from '@opengateway/core/testing';
import { createEngineClient } from '@opengateway/gpu-worker/node';
import { createRequestCounter } from '../../packages/core/src/contributor/request-counter.ts';
import { MAX_BENCH_SESSIONS, STAGE_COMMAND_WITHIN_MS } from './chain-constants.ts';
import { delayActivations } from './chain-delay.ts';
import { measureEcho, serveEcho } from './chain-echo.ts';
import { EMULATED_SHAPE, createEmulatedRunner } from './chain-emulated.ts';
import { MODEL_PATH } from './constants.ts';
import type { LayerRange, ModelManifest } from '@opengateway/core';
import type { StageCommand, StageOptions, StageReply } from './chain-messages.ts';

process.once('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const options = JSON.parse(process.argv[2] ?? '{}') as StageOptions;
const [start, end] = options.layers;
const layers: LayerRange = { start, end };
const path = fileURLToPath(new URL(`../../${MODEL_PATH}`, import.meta.url));
const manifest = parseManifest(JSON.parse(await readFile(`${path}/manifest.json`, 'utf8')));
const emulated = createEmulatedRunner(layers);
const shape = options.emulated ? EMULATED_SHAPE : manifest.architecture;
const { generator, runner, rates } = options.emulated
  ? { generator: new FakeGenerator(), runner: emulated.runner, rates: { decode: 100, prefill: 1000 } }
  : await loadEngine(manifest);

const network = await createNetwork(
  {},
  { role: 'peer', region: 'bench', relays: [{ region: 'bench', multiaddrs: options.relayMultiaddrs }] },
);
const delays = delayActivations(network);
await serveEcho(network);
await network.start();
network.serve({
  generator,
  part: { runner, shape: () => shape },
  kind: 'node',
  served: () => [
    {
      id: 'bench',
      manifest: options.manifest,
      layers: [start, end],
      engine: 'wasm',
      contextLength: manifest.architecture.contextLength,
      // A stage keeps one from its one coordinator.
      slots: MAX_BENCH_SESSIONS + 1,
      freeSlots: MAX_BENCH_SESSIONS + 1,
      queued: 0,
      decodeTokensPerSecond: rates.decode,
      prefillTokensPerSecond: rates.prefill,
    },
  ],
});
process.on('message', (command: StageCommand) => {
  follow(command).then(say, (error: unknown) => say({ type: 'failed', message: String(error) }));
});
say({ type: 'ready', peer: network.peer });

async function follow(command: StageCommand): Promise<StageReply> {
  switch (command.type) {
    case 'delay':
      delays.setDelay(command.ms);
      return { type: 'done' };
    case 'emulate':
      emulated.setTime(command.ms);
      return { type: 'done' };
    case 'echo': {
      const signal = AbortSignal.timeout(STAGE_COMMAND_WITHIN_MS);
      return { type: 'echo', roundTripsMs: await measureEcho(network, { ...command, signal }) };
    }
    default:
      return command satisfies never;
  }
}

/** As a contributor does, on one thread. */
async function loadEngine(model: ModelManifest) {
  const engine = createEngineClient();
  const { decodeTokensPerSecond, prefillTokensPerSecond } = await engine.load({
    manifest: model,
    weights: { kind: 'directory', path },
    engine: 'wasm',
    layers,
    threads: 1,
    maxSequences: MAX_BENCH_SESSIONS,
  });
  const counted = createRequestCounter(engine, () => {});
  return {
    generator: counted.generator,
    runner: counted.layers,
    rates: { decode: decodeTokensPerSecond, prefill: prefillTokensPerSecond },
  };
}

function say(reply: StageReply): void {
  process.send?.(reply);
}
