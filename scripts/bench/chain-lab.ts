import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCoordinator, systemClock } from '@opengateway/core';
import { createInferenceService, createNetwork, createPeerDialer } from '@opengateway/core/p2p';
import { STAGE_READY_WITHIN_MS } from './chain-constants.ts';
import { startStage } from './chain-process.ts';
import type { Coordinator, HiddenFormat, LayerRange, ManifestHash } from '@opengateway/core';
import type { StageProcess } from './chain-process.ts';

/** Processes that answer for one pretended model; the whole model where it is one. */
export interface Chain {
  readonly manifest: ManifestHash;
  readonly stages: readonly StageProcess[];
}

/** A relay that coordinates, in this process, and the chains around it, each stage in its own. */
export interface ChainLab {
  coordinator(format: HiddenFormat): Coordinator;
  /** Splits the layers evenly; resolves when every stage is known to the relay. */
  startChain(stages: number, init: { layerCount: number; emulated?: boolean }): Promise<Chain>;
  stopChain(chain: Chain): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 50;

export async function createChainLab(): Promise<ChainLab> {
  const relay = await createNetwork({}, { role: 'relay', region: 'bench' });
  const dialer = createPeerDialer({ node: relay.node, clock: systemClock }, { role: 'relay' });
  const { openSession } = createInferenceService({ node: relay.node, dialer });
  const components = {
    registry: relay.registry,
    openSession,
    rttMs: dialer.rttMs,
    clock: systemClock,
    random: Math.random,
  };
  const coordinators = {
    f16: createCoordinator(components, { hiddenFormat: 'f16' }),
    f32: createCoordinator(components, { hiddenFormat: 'f32' }),
  };
  const chains = new Set<Chain>();
  const known = ({ stages }: Chain) =>
    stages.every(({ peer }) => relay.registry.peers().some((view) => view.peer === peer));
  await relay.start();
  const stopChain = async (chain: Chain) => {
    chains.delete(chain);
    await Promise.all(chain.stages.map((stage) => stage.stop()));
  };
  return {
    coordinator: (format) => coordinators[format],
    async startChain(stages, { layerCount, emulated = false }) {
      const manifest = pretendedManifest(`${stages} stages, ${emulated ? 'emulated' : 'computed'}`);
      const common = { relayMultiaddrs: relay.multiaddrs(), manifest, emulated };
      const started = await Promise.allSettled(
        evenLayers(layerCount, stages).map(({ start, end }) => startStage({ ...common, layers: [start, end] })),
      );
      const chain = {
        manifest,
        stages: started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
      };
      chains.add(chain);
      for (const one of started) if (one.status === 'rejected') throw one.reason;
      const untilMs = performance.now() + STAGE_READY_WITHIN_MS;
      while (!known(chain)) {
        if (performance.now() > untilMs) throw new Error('A stage did not reach the relay.');
        await sleep(POLL_MS);
      }
      return chain;
    },
    stopChain,
    async stop() {
      await Promise.all([...chains].map(stopChain));
      dialer.stop();
      await relay.stop();
    },
  };
}

const pretendedManifest = (name: string) => createHash('sha256').update(name).digest('hex') as ManifestHash;

/** Neighbouring ranges whose lengths differ by one at most. */
const evenLayers = (layerCount: number, parts: number): LayerRange[] =>
  Array.from({ length: parts }, (_, index) => ({
    start: Math.round((index * layerCount) / parts),
    end: Math.round(((index + 1) * layerCount) / parts),
  }));
