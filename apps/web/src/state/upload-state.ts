import { computed, effect, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { UPLOAD_RATE_SAMPLES } from '../constants.ts';
import type { NodeState } from './node-state.ts';
import type { Settings } from './settings.ts';

/** Weights that this tab gave to other peers since it joined. */
export interface GivenWeights {
  readonly bytes: number;
  readonly peers: number;
  /** Over the last samples. */
  readonly bytesPerSecond: number;
}

export interface UploadState {
  readonly given: ReadonlySignal<GivenWeights>;
  /** Reads the counters; called by the page's clock. */
  sample(): void;
}

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

const NOTHING: GivenWeights = { bytes: 0, peers: 0, bytesPerSecond: 0 };

/** Holds what this tab gives of weights to the person's limit, and counts it. */
export function createUploadState(components: {
  node: Pick<NodeState, 'node'>;
  settings: Pick<Settings, 'givesWeights' | 'uploadBytesPerSecond'>;
  now: () => number;
}): UploadState {
  const { node, settings, now } = components;
  const given = signal(NOTHING);
  let samples: readonly Sample[] = [];
  effect(() => {
    const limit = settings.givesWeights.value ? settings.uploadBytesPerSecond.value : 0;
    node.node.value?.setUploadBytesPerSecond(limit);
  });
  // Another node counts from nothing.
  node.node.subscribe(() => {
    samples = [];
  });
  return {
    given: computed(() => given.value),
    sample() {
      const counted = node.node.peek()?.givenWeights() ?? NOTHING;
      samples = [...samples, { atMs: now(), bytes: counted.bytes }].slice(-UPLOAD_RATE_SAMPLES);
      const next = { bytes: counted.bytes, peers: counted.peers, bytesPerSecond: rateOf(samples) };
      const { bytes, bytesPerSecond } = given.peek();
      if (next.bytes !== bytes || next.bytesPerSecond !== bytesPerSecond) given.value = next;
    },
  };
}

function rateOf(samples: readonly Sample[]): number {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
  return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs));
}
