import { TIER_TABLE } from '@opengateway/core';
import type { ContributorSnapshot, HeldModel, RegionSource, Tier, WireError } from '@opengateway/core';

/** What the process says, one line each. */
export type LogEvent =
  | { readonly event: 'relay-waiting'; readonly reason: string; readonly waitMs: number }
  | {
      readonly event: 'joined';
      readonly relay: string;
      readonly region: string;
      readonly regionSource: RegionSource;
      /** Clusters that this machine qualifies for. */
      readonly tiers: readonly Tier[];
      readonly peer: string;
    }
  | { readonly event: 'relay-link'; readonly connected: boolean }
  | {
      readonly event: 'state';
      readonly state: ContributorSnapshot['state'];
      readonly model: string | null;
      readonly engine: string | null;
      readonly variant: string | null;
      readonly decodeTokensPerSecond: number;
      readonly prefillTokensPerSecond: number;
      readonly error: WireError | null;
      /** Until it starts again by itself; null where it does not. */
      readonly restartMs: number | null;
    }
  | {
      readonly event: 'progress';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly fetchedBytes: number;
      readonly fromPeersBytes: number;
      /** Peers that have some of it and are connected now. */
      readonly peers: number;
    }
  /** One of several models: where it is now, or why it is not. */
  | {
      readonly event: 'model';
      readonly model: string;
      readonly state: HeldModel['state'];
      readonly error: WireError | null;
    }
  /** Why weights are not kept on this disk, or that some that were are gone. */
  | { readonly event: 'storage'; readonly error: WireError }
  /** Weights given to other peers in this run. */
  | { readonly event: 'weights-given'; readonly bytes: number; readonly peers: number }
  | { readonly event: 'served'; readonly requests: number; readonly tokens: number }
  | { readonly event: 'leaving'; readonly signal: string }
  | { readonly event: 'left' }
  | { readonly event: 'failed'; readonly error: WireError };

export type Log = (event: LogEvent) => void;

/** Lines of JSON with the time, for programs. */
export const createJsonLog =
  (write: (line: string) => void, now: () => number): Log =>
  (event) =>
    write(JSON.stringify({ time: new Date(now()).toISOString(), ...event }));

/** Lines for people. */
export const createTextLog =
  (write: (line: string) => void): Log =>
  (event) =>
    write(describe(event));

function describe(event: LogEvent): string {
  switch (event.event) {
    case 'relay-waiting':
      return `${event.reason} Trying again in ${(event.waitMs / 1000).toFixed(1)} s.`;
    case 'joined':
      return `Joined ${event.relay} (${event.region}${REGION_SOURCE_WORDS[event.regionSource]}) as ${event.peer}. Qualifies for: ${event.tiers.map((tier) => TIER_TABLE[tier].name).join(', ') || 'no tier'}.`;
    case 'relay-link':
      return event.connected ? 'The link to the relay stands.' : 'The link to the relay is down; reconnecting.';
    case 'state':
      return describeState(event);
    case 'progress':
      return `Weights: ${megabytes(event.doneBytes)} of ${megabytes(event.totalBytes)} MB, ${megabytes(event.fetchedBytes)} MB of them fetched${event.fromPeersBytes === 0 ? '' : `, ${megabytes(event.fromPeersBytes)} MB from peers`}.`;
    case 'model':
      return describeModel(event);
    case 'storage':
      return `Storage: ${event.error.message} (${event.error.code})`;
    case 'weights-given':
      return `Gave ${megabytes(event.bytes)} MB of weights to ${event.peers} ${event.peers === 1 ? 'peer' : 'peers'}.`;
    case 'served':
      return `Answered ${event.requests} ${event.requests === 1 ? 'request' : 'requests'}, ${event.tokens} tokens in all.`;
    case 'leaving':
      return `${event.signal}: leaving; running answers go to other peers.`;
    case 'left':
      return 'Left the network.';
    case 'failed':
      return `${event.error.message} (${event.error.code})`;
    default:
      return event satisfies never;
  }
}

const REGION_SOURCE_WORDS = {
  override: '',
  address: ', by its address',
  relay: ', as the relay says',
} satisfies Record<RegionSource, string>;

function describeModel({ model, state, error }: LogEvent & { event: 'model' }): string {
  switch (state) {
    case 'memory':
      return `${model} is in memory.`;
    case 'disk':
      if (error !== null) return `${model} could not be loaded: ${error.message} (${error.code})`;
      return `${model} is on disk; a request loads it.`;
    case 'fetching':
      if (error === null) return `Fetching ${model} to disk.`;
      return `${model} is not held: ${error.message} (${error.code})${error.retryable ? ' It is tried again.' : ''}`;
    default:
      return state satisfies never;
  }
}

function describeState(event: LogEvent & { event: 'state' }): string {
  const model = event.model ?? 'no model';
  switch (event.state) {
    case 'idle':
      return 'Idle.';
    case 'probing':
      return 'Checking this machine.';
    case 'loading':
      return `Loading ${model}.`;
    case 'self-test':
      return 'Testing the engine.';
    case 'serving':
      return `Serving ${model} on ${event.engine} (${event.variant}): ${event.decodeTokensPerSecond.toFixed(0)} tokens/s, prompts ${event.prefillTokensPerSecond.toFixed(0)} tokens/s.`;
    case 'paused':
      return 'Paused.';
    case 'error':
      return `Failed: ${event.error?.message ?? 'no reason given'} (${event.error?.code ?? 'unknown'})${
        event.restartMs === null ? '' : ` Starting again in ${(event.restartMs / 1000).toFixed(1)} s.`
      }`;
    default:
      return event.state satisfies never;
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
