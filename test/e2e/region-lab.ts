import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { bootstrapSchema } from '@opengateway/core';
import type { BootstrapDocument, Region, Tier } from '@opengateway/core';
import { Relay } from './relay-process.ts';
import type { RegionPeerReport, RegionPeersOptions } from './region-peers-process.ts';

const PEERS = new URL('region-peers-process.ts', import.meta.url).pathname;

export async function readBootstrap(url: string, region: string): Promise<BootstrapDocument> {
  const response = await fetch(`${url}/bootstrap?region=${region}`);
  return bootstrapSchema.parse(await response.json());
}

/** A process with several peers. */
export class RegionPeers implements AsyncDisposable {
  readonly region: Region;
  readonly #child: ChildProcess;

  private constructor(region: Region, child: ChildProcess) {
    this.region = region;
    this.#child = child;
  }

  static async start(options: RegionPeersOptions): Promise<RegionPeers> {
    const child = fork(PEERS, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('The peers ended before they had started.'))),
    ]);
    return new RegionPeers(options.region, child);
  }

  async reports(): Promise<RegionPeerReport[]> {
    const answer = once(this.#child, 'message');
    this.#child.send('report');
    const [reports] = (await answer) as [RegionPeerReport[]];
    return reports;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** The three kinds of devices of these tests, in turns. */
const DEVICES: readonly (readonly Tier[])[] = [['starter'], ['starter', 'model-a'], ['starter', 'model-a', 'model-b']];

export const devices = (count: number): readonly (readonly Tier[])[] =>
  Array.from({ length: count }, (_, index) => DEVICES[index % DEVICES.length] ?? []);

/** A relay of a region, which knows one other. */
export const startRegionRelay = (
  region: Region,
  known?: { readonly region: Region; readonly url: string },
): Promise<Relay> =>
  Relay.start({
    contribute: false,
    env: { REGION: region, ...(known === undefined ? {} : { RELAYS: `${known.region}=${known.url}` }) },
  });
