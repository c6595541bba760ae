import { benchAnswer } from './chain-answer.ts';
import { DELAYED_DECODE_TOKENS, INJECTED_DELAYS_MS } from './chain-constants.ts';
import type { ModelShape } from '@opengateway/core';
import type { Chain, ChainLab } from './chain-lab.ts';

export interface DelayFigures {
  readonly stages: number;
  /** By injected delay per hop, 0 first. */
  readonly points: readonly { readonly delayMs: number; readonly msPerToken: number }[];
  /** Of time per token over the delay of all hops together, by least squares. */
  readonly slope: number;
}

/** Time per token of each chain, with every hop made longer. */
export async function measureDelays(lab: ChainLab, chains: readonly Chain[], shape: ModelShape) {
  const figures: DelayFigures[] = [];
  for (const chain of chains) {
    const stages = chain.stages.length;
    const points = [];
    for (const delayMs of [0, ...INJECTED_DELAYS_MS]) {
      await setDelay(chain, delayMs);
      const { msPerToken } = await benchAnswer(lab, chain, shape, { maxTokens: DELAYED_DECODE_TOKENS });
      points.push({ delayMs, msPerToken });
    }
    await setDelay(chain, 0);
    const slope = slopeOf(points.map(({ delayMs, msPerToken }) => [delayMs * stages, msPerToken]));
    figures.push({ stages, points, slope });
  }
  return figures;
}

const setDelay = ({ stages }: Chain, ms: number) =>
  Promise.all(stages.map((stage) => stage.ask({ type: 'delay', ms })));

/** Of the line through `[x, y]` by least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const covariance = mean(points.map(([x, y]) => (x - meanX) * (y - meanY)));
  return covariance / mean(points.map(([x]) => (x - meanX) ** 2));
}

const mean = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0) / values.length;
