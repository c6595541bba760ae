import {
  INITIAL_PREFILL_CHUNK_TOKENS,
  PREFILL_BUDGET_SHARE,
  PREFILL_CHUNK_GROWTH,
  PREFILL_CHUNK_MULTIPLE,
} from './constants.ts';

/** Decides how many prompt tokens a step may hold so that it ends within its budget. */
export interface PrefillPacer {
  /** Prompt tokens for the next step, at least 1. */
  readonly chunkTokens: number;
  /** Learns from a step of `prefillTokens` prompt tokens beside `decodeTokens` others. */
  record(prefillTokens: number, decodeTokens: number, elapsedMs: number): void;
}

export function createPrefillPacer({
  stepBudgetMs,
  maxTokens,
}: {
  stepBudgetMs: number;
  maxTokens: number;
}): PrefillPacer {
  let chunkTokens = Math.min(INITIAL_PREFILL_CHUNK_TOKENS, maxTokens);
  return {
    get chunkTokens() {
      return chunkTokens;
    },
    record(prefillTokens, decodeTokens, elapsedMs) {
      // Batched tokens share one pass over the weights, so all of a step count alike.
      const perTokenMs = Math.max(elapsedMs, 0.5) / (prefillTokens + decodeTokens);
      const shareMs = Math.max(stepBudgetMs * PREFILL_BUDGET_SHARE, stepBudgetMs - decodeTokens * perTokenMs);
      const affordable = Math.floor(shareMs / perTokenMs);
      if (affordable < chunkTokens) chunkTokens = wholeBlocks(affordable);
      // A prompt's short tail says nothing about how a full chunk would do.
      else if (prefillTokens >= chunkTokens) {
        chunkTokens = Math.min(maxTokens, wholeBlocks(Math.min(affordable, chunkTokens * PREFILL_CHUNK_GROWTH)));
      }
    },
  };
}

const wholeBlocks = (tokens: number): number =>
  tokens < PREFILL_CHUNK_MULTIPLE ? Math.max(1, tokens) : tokens - (tokens % PREFILL_CHUNK_MULTIPLE);
