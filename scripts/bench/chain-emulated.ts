import { FAKE_VOCABULARY, FakeLayerRunner } from '@opengateway/core/testing';
import { WATCH_CLOCK_MS } from './chain-constants.ts';
import type { LayerRange, LayerRunner, ModelShape } from '@opengateway/core';

/** Frames of the real model's size. */
export const EMULATED_SHAPE: ModelShape = { layerCount: 6, hiddenSize: 576, vocabularySize: FAKE_VOCABULARY };

/**
 * A stage that needs a fixed time for a token and serves one session's token at a time, first come first served:
 * what min(m, total / longest) is about. The tokens are those of the fake model, so that a lost one shows.
 */
export function createEmulatedRunner(layers: LayerRange): {
  readonly runner: LayerRunner;
  setTime(ms: number): void;
} {
  let stepMs = 0;
  let turn: Promise<void> = Promise.resolve();
  const runner = new FakeLayerRunner({
    shape: EMULATED_SHAPE,
    layers,
    beforeCompute({ request, position }) {
      // Prompts are not what is measured.
      if (position < request.tokenCount) return Promise.resolve();
      turn = turn.then(() => waitPrecisely(stepMs));
      return turn;
    },
  });
  return {
    runner,
    setTime(ms) {
      stepMs = ms;
    },
  };
}

/** Ends on the dot, without keeping messages waiting. */
async function waitPrecisely(ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  if (ms > WATCH_CLOCK_MS) await new Promise((resolve) => setTimeout(resolve, ms - WATCH_CLOCK_MS));
  while (performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
}
