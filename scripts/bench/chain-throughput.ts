import { benchAnswer } from './chain-answer.ts';
import { BATCHED_DECODE_TOKENS, EMULATED_DECODE_TOKENS, SESSION_COUNTS } from './chain-constants.ts';
import { EMULATED_SHAPE } from './chain-emulated.ts';
import type { ModelShape } from '@opengateway/core';
import type { Answer } from './chain-answer.ts';
import type { Chain, ChainLab } from './chain-lab.ts';

export interface ThroughputFigures {
  readonly sessions: number;
  /** Of all of them together. */
  readonly tokensPerSecond: number;
}

/** Several sessions at once on the real engines, which batch them. */
export const measureBatching = (lab: ChainLab, chain: Chain, shape: ModelShape): Promise<ThroughputFigures[]> =>
  measureSessions(lab, chain, shape, BATCHED_DECODE_TOKENS);

/** Several sessions at once on timers, of which each serves one token at a time for `stepsMs` of its stage. */
export async function measureEmulated(
  lab: ChainLab,
  chain: Chain,
  stepsMs: readonly number[],
): Promise<ThroughputFigures[]> {
  for (const [index, stage] of chain.stages.entries()) await stage.ask({ type: 'emulate', ms: stepsMs[index]! });
  return measureSessions(lab, chain, EMULATED_SHAPE, EMULATED_DECODE_TOKENS);
}

async function measureSessions(lab: ChainLab, chain: Chain, shape: ModelShape, maxTokens: number) {
  const figures: ThroughputFigures[] = [];
  for (const sessions of SESSION_COUNTS) {
    const answers = await Promise.all(
      Array.from({ length: sessions }, (_, index) => benchAnswer(lab, chain, shape, { maxTokens, index })),
    );
    figures.push({ sessions, tokensPerSecond: jointRate(answers) });
  }
  return figures;
}

/** Tokens per second while all answers were under way. */
function jointRate(answers: readonly Answer[]): number {
  const startMs = Math.max(...answers.map(({ timesMs }) => timesMs[0]!));
  const endMs = Math.min(...answers.map(({ timesMs }) => timesMs.at(-1)!));
  if (!(endMs > startMs)) throw new Error('The answers were never all under way.');
  const within = answers.flatMap(({ timesMs }) => timesMs.filter((ms) => ms > startMs && ms <= endMs));
  return (within.length * 1000) / (endMs - startMs);
}
