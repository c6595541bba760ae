import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { DEFAULT_SAMPLING, manifestHash, parseManifest } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import type {
  CoordinatorEvent,
  CoordinatorRequest,
  HiddenFormat,
  LayerRange,
  ModelId,
  PeerName,
} from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';
import { MODEL_PATH } from './chain-constants.ts';
import type { Harm } from './stage-process.ts';

const MODEL = 'smollm2-135m-instruct' as ModelId;
const STAGE = new URL('stage-process.ts', import.meta.url).pathname;
const HEARD_WITHIN_MS = 60_000;

/** A stage's process. */
export interface LabStage {
  readonly peer: PeerName;
  readonly layers: LayerRange;
  readonly child: ChildProcess;
  harm(harm: Harm): void;
  kill(): Promise<void>;
}

/** A relay in this process that coordinates, and stages of the real model in processes of their own. */
export class ChainLab implements AsyncDisposable {
  readonly relay: Network;
  readonly request: Omit<CoordinatorRequest, 'tokens' | 'promptTokenCount' | 'maxTokens'>;
  readonly stages = new Map<PeerName, LabStage>();

  private constructor(relay: Network, request: ChainLab['request']) {
    this.relay = relay;
    this.request = request;
  }

  static async start({ hiddenFormat }: { hiddenFormat: HiddenFormat }): Promise<ChainLab> {
    const manifest = parseManifest(JSON.parse(await readFile(`${MODEL_PATH}/manifest.json`, 'utf8')));
    const { layerCount, vocabularySize } = manifest.architecture;
    const relay = await createNetwork({}, { role: 'relay', region: 'local', hiddenFormat });
    await relay.start();
    return new ChainLab(relay, {
      model: MODEL,
      manifest: await manifestHash(manifest),
      layerCount,
      vocabularySize,
      endTokens: [2],
      sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: 1 },
    });
  }

  /** Starts a stage for each range; resolves when the coordinator knows them all. */
  async add(...ranges: readonly (readonly [number, number])[]): Promise<LabStage[]> {
    return Promise.all(ranges.map(([start, end]) => this.#add({ start, end })));
  }

  async #add(layers: LayerRange): Promise<LabStage> {
    const args = [this.relay.multiaddrs().join(','), String(layers.start), String(layers.end)];
    const child = fork(STAGE, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [peer] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('A stage ended before it served.'))),
    ])) as [PeerName];
    const stage: LabStage = {
      peer,
      layers,
      child,
      harm: (harm) => void child.send(harm),
      kill: async () => {
        this.stages.delete(peer);
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      },
    };
    this.stages.set(peer, stage);
    await heard(this.relay, peer);
    return stage;
  }

  /** Ends every stage. */
  async clear(): Promise<void> {
    await Promise.all([...this.stages.values()].map((stage) => stage.kill()));
  }

  async run(
    tokens: readonly number[],
    change: Partial<CoordinatorRequest> = {},
    onEvent?: (event: CoordinatorEvent) => void,
  ): Promise<CoordinatorEvent[]> {
    const events: CoordinatorEvent[] = [];
    const request = { ...this.request, tokens, promptTokenCount: tokens.length, maxTokens: 48, ...change };
    const { signal } = new AbortController();
    for await (const event of this.relay.coordinator.run(request, { signal })) {
      events.push(event);
      onEvent?.(event);
    }
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.relay.stop();
  }
}

export const tokensOf = (events: readonly CoordinatorEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));

export const stagesOf = (events: readonly CoordinatorEvent[]) =>
  events.findLast((event) => event.type === 'route')?.stages ?? [];

/** Resolves when the relay knows what a peer serves. */
async function heard({ registry }: Network, peer: PeerName): Promise<void> {
  const known = Promise.withResolvers<void>();
  const check = () => {
    if (registry.get(peer)?.advert.state === 'serving') known.resolve();
  };
  const unsubscribe = registry.subscribe(check);
  const timer = setTimeout(() => known.reject(new Error(`${peer} was never heard of.`)), HEARD_WITHIN_MS);
  check();
  try {
    await known.promise;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
