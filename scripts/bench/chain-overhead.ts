import { HIDDEN_FORMATS } from '@opengateway/core';
import { HIDDEN_VALUE_BYTES } from '../../packages/core/src/inference/layer-runner.ts';
import { FRAME_HEADER_BYTES } from '../../packages/core/src/wire/limits.ts';
import { benchAnswer } from './chain-answer.ts';
import {
  CHAIN_DECODE_TOKENS,
  CHAIN_ROUNDS,
  ECHO_ROUNDS,
  PACED_ECHO_PAUSE_MS,
  PACED_ECHO_ROUNDS,
} from './chain-constants.ts';
import { median } from './measure-engine.ts';
import type { HiddenFormat, ModelShape } from '@opengateway/core';
import type { Answer } from './chain-answer.ts';
import type { Chain, ChainLab } from './chain-lab.ts';
import type { EchoOptions } from './chain-messages.ts';

export interface OverheadFigures {
  readonly stages: number;
  readonly format: HiddenFormat;
  readonly msPerToken: number;
  /** In the stages' engines; NaN for the whole model, which does not say. */
  readonly computeMsPerToken: number;
  /** What is left of the time per token, by hop; the ring has as many as stages. */
  readonly overheadMsPerHop: number;
  /** Of a frame of a token's hidden states, from one stage's process to the next and back. */
  readonly roundTripMs: number;
  /** The same with pauses between, as a chain has them. */
  readonly pacedRoundTripMs: number;
  /** Of the whole model's tokens, those at the start that this chain made too. */
  readonly agreedTokens: number;
}

interface Series {
  readonly chain: Chain;
  readonly format: HiddenFormat;
  readonly answers: Answer[];
  readonly roundTripsMs: number[];
  readonly pacedRoundTripsMs: number[];
}

/** Whole model, which comes first, and chains in turns; the median of each. */
export async function measureOverhead(lab: ChainLab, chains: readonly Chain[], shape: ModelShape) {
  const series = chains.flatMap((chain) =>
    HIDDEN_FORMATS.map((format): Series => ({ chain, format, answers: [], roundTripsMs: [], pacedRoundTripsMs: [] })),
  );
  for (let round = 0; round < CHAIN_ROUNDS; round++) {
    for (const { chain, format, answers, roundTripsMs, pacedRoundTripsMs } of series) {
      answers.push(await benchAnswer(lab, chain, shape, { format, maxTokens: CHAIN_DECODE_TOKENS }));
      const bytes = FRAME_HEADER_BYTES + shape.hiddenSize * HIDDEN_VALUE_BYTES[format];
      roundTripsMs.push(...(await roundTrips(chain, { bytes, rounds: ECHO_ROUNDS, pauseMs: 0 })));
      const paced = { bytes, rounds: PACED_ECHO_ROUNDS, pauseMs: PACED_ECHO_PAUSE_MS };
      pacedRoundTripsMs.push(...(await roundTrips(chain, paced)));
    }
  }
  const expected = series[0]!.answers[0]!.tokens;
  return series.map(({ chain, format, answers, roundTripsMs, pacedRoundTripsMs }): OverheadFigures => {
    const stages = chain.stages.length;
    return {
      stages,
      format,
      msPerToken: median(answers.map(({ msPerToken }) => msPerToken)),
      computeMsPerToken: median(answers.map(({ computeMsPerToken }) => computeMsPerToken)),
      overheadMsPerHop: median(
        answers.map(({ msPerToken, computeMsPerToken }) => (msPerToken - computeMsPerToken) / stages),
      ),
      roundTripMs: median(roundTripsMs),
      pacedRoundTripMs: median(pacedRoundTripsMs),
      agreedTokens: agreement(answers[0]!.tokens, expected),
    };
  });
}

/** Between the first two stages. */
async function roundTrips({ stages }: Chain, options: Omit<EchoOptions, 'peer'>): Promise<readonly number[]> {
  const [first, second] = stages;
  if (first === undefined || second === undefined) return [];
  const reply = await first.ask({ type: 'echo', peer: second.peer, ...options });
  return reply.type === 'echo' ? reply.roundTripsMs : [];
}

function agreement(tokens: readonly number[], expected: readonly number[]): number {
  const differs = tokens.findIndex((token, index) => token !== expected[index]);
  return differs < 0 ? tokens.length : differs;
}
