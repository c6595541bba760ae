import { topToken } from './compare-logits.ts';
import type { Engine } from './engine.ts';

/** One conversation of `test/fixtures/golden.json`, from a float32 forward pass over the dequantised model. */
export interface GoldenConversation {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly prompt: string;
  readonly promptTokens: readonly number[];
  /** Most likely token at every step, the end token included. */
  readonly greedyTokens: readonly number[];
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** The five most likely tokens at every step, best first, with their logits. */
  readonly steps: readonly { readonly top: readonly number[]; readonly logits: readonly number[] }[];
}

export interface Golden {
  readonly conversations: readonly GoldenConversation[];
  readonly hiddenAfterLayers: {
    /** Index into `conversations`; the states are of its last prompt token. */
    readonly conversation: number;
    /** By the number of layers computed. */
    readonly values: Readonly<Record<string, readonly number[]>>;
  };
}

export interface GoldenComparison {
  readonly positions: number;
  /** Share of positions whose most likely token is golden's, 0 to 1. */
  readonly topAgreement: number;
  /** Steps at which another token won although golden's two best lie further apart than `DECISIVE_MARGIN`. */
  readonly decisiveMisses: readonly number[];
  /** Largest difference of a logit that golden holds. */
  readonly maxLogitDifference: number;
}

/** A gap between the two best logits that float32 arithmetic in another order does not close. */
const DECISIVE_MARGIN = 0.02;

/** Positions whose logits are asked for at once: at a vocabulary of 49,152 that is 6 MiB. */
const LOGIT_POSITIONS = 32;

/**
 * Logits `[greedyTokens, vocabularySize]` of an engine of the whole model, teacher-forced: the prompt, then
 * golden's own tokens whatever the engine would have chosen. Leaves no sequence open.
 */
export async function teacherForcedLogits(engine: Engine, conversation: GoldenConversation): Promise<Float32Array> {
  const { promptTokens, greedyTokens } = conversation;
  const tokens = Int32Array.from([...promptTokens, ...greedyTokens].slice(0, -1));
  const { vocabularySize } = engine.info.architecture;
  const logits = new Float32Array(greedyTokens.length * vocabularySize);
  const sequence = engine.open({ maxTokens: tokens.length });
  try {
    const first = promptTokens.length - 1;
    for (let start = 0; start < first; start += engine.info.maxBatchTokens) {
      const input = tokens.subarray(start, Math.min(first, start + engine.info.maxBatchTokens));
      await engine.forward([{ sequence, input, output: 'none' }]);
    }
    for (let start = first; start < tokens.length; start += LOGIT_POSITIONS) {
      const input = tokens.subarray(start, start + LOGIT_POSITIONS);
      const [output] = await engine.forward([{ sequence, input, output: 'all-logits' }]);
      logits.set(output!.values, (start - first) * vocabularySize);
    }
  } finally {
    engine.close(sequence);
  }
  return logits;
}

/** Compares what `teacherForcedLogits` returned with what golden holds of the same conversation. */
export function compareWithGolden(logits: Float32Array, conversation: GoldenConversation): GoldenComparison {
  const { greedyTokens, steps } = conversation;
  const vocabularySize = logits.length / greedyTokens.length;
  const decisiveMisses: number[] = [];
  let agreed = 0;
  let maxLogitDifference = 0;
  steps.forEach(({ top, logits: golden }, index) => {
    const own = logits.subarray(index * vocabularySize, (index + 1) * vocabularySize);
    if (topToken(own) === greedyTokens[index]) agreed++;
    else if (golden[0]! - golden[1]! > DECISIVE_MARGIN) decisiveMisses.push(index);
    top.forEach((token, rank) => {
      maxLogitDifference = Math.max(maxLogitDifference, Math.abs(own[token]! - golden[rank]!));
    });
  });
  return { positions: steps.length, topAgreement: agreed / steps.length, decisiveMisses, maxLogitDifference };
}
