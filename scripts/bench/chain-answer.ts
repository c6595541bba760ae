import { DEFAULT_SAMPLING } from '@opengateway/core';
import { ANSWER_WITHIN_MS, CHAIN_PROMPT_TOKENS, CONNECT_ATTEMPTS, DELAYED_DECODE_TOKENS } from './chain-constants.ts';
import type { CoordinatorRequest, HiddenFormat, ManifestHash, ModelId, ModelShape } from '@opengateway/core';
import type { Chain, ChainLab } from './chain-lab.ts';

/** One answer as its coordinator heard it. */
export interface Answer {
  readonly tokens: readonly number[];
  /** When each came, on this process's clock. */
  readonly timesMs: readonly number[];
  /** Between the first token and the last. */
  readonly msPerToken: number;
  /** Of it, in the stages' engines; NaN for a whole model, which does not say. */
  readonly computeMsPerToken: number;
  /** False where a relay carried what the stages sent each other. */
  readonly direct: boolean;
}

export interface AnswerInit {
  /** @default 'f16' */
  readonly format?: HiddenFormat;
  readonly maxTokens: number;
  /** Another one makes another prompt. @default 0 */
  readonly index?: number;
}

/** Runs one request on a chain whose stages are connected. @throws where it is not served in one go over direct ways */
export async function benchAnswer(lab: ChainLab, chain: Chain, shape: ModelShape, init: AnswerInit): Promise<Answer> {
  const heard = await hearAnswer(lab, chain, shape, init);
  if (!heard.direct) throw new Error('The stages were not connected directly.');
  return heard;
}

/** Answers until every way between the stages is direct. @throws if that takes too many */
export async function connectStages(lab: ChainLab, chain: Chain, shape: ModelShape): Promise<void> {
  for (let attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
    const { direct } = await hearAnswer(lab, chain, shape, { maxTokens: DELAYED_DECODE_TOKENS });
    if (direct) return;
  }
  throw new Error('The stages did not connect directly.');
}

async function hearAnswer(lab: ChainLab, { manifest, stages }: Chain, shape: ModelShape, init: AnswerInit) {
  const request = benchRequest(shape, manifest, init);
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const isChain = stages.length > 1;
  const tokens: number[] = [];
  const timesMs: number[] = [];
  let computeMsPerToken = Number.NaN;
  let direct = true;
  for await (const event of lab.coordinator(init.format ?? 'f16').run(request, { signal })) {
    if (event.type === 'token') {
      tokens.push(event.token);
      timesMs.push(performance.now());
    } else if (event.type === 'route') {
      if (event.reason !== undefined) throw new Error(`A stage was lost while it was measured: ${event.reason}`);
      if (event.stages.length !== stages.length) throw new Error('Not all stages were used.');
      direct = !isChain || event.stages.every(({ hop }) => hop?.direct === true);
    } else if (event.type === 'end' && isChain) {
      if (event.reports.length !== stages.length) throw new Error('A stage did not tell its time.');
      computeMsPerToken = event.reports.reduce((all, { decodeMs, decodeSteps }) => all + decodeMs / decodeSteps, 0);
    }
  }
  if (tokens.length !== request.maxTokens) throw new Error(`${tokens.length} tokens came.`);
  const msPerToken = (timesMs.at(-1)! - timesMs[0]!) / (tokens.length - 1);
  return { tokens, timesMs, msPerToken, computeMsPerToken, direct };
}

/** Ordinary tokens, and an answer of exactly `maxTokens`. */
const benchRequest = (
  { layerCount, vocabularySize }: ModelShape,
  manifest: ManifestHash,
  { maxTokens, index = 0 }: AnswerInit,
): CoordinatorRequest => ({
  model: 'bench' as ModelId,
  manifest,
  layerCount,
  vocabularySize,
  tokens: Array.from(
    { length: CHAIN_PROMPT_TOKENS },
    (_, at) => 100 + (((at + index) * 7919) % (vocabularySize - 200)),
  ),
  promptTokenCount: CHAIN_PROMPT_TOKENS,
  maxTokens,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: index },
});
