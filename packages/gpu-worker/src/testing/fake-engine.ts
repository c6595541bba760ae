import { ContextLengthExceededError, InvalidStepError, KvCacheFullError } from '../engines/errors.ts';
import { SequenceNotFoundError, TooManySequencesError } from '../engines/errors.ts';
import type { LayerRange, ModelArchitecture } from '@opengateway/core';
import type {
  Engine,
  EngineInfo,
  EngineOutput,
  EngineStep,
  EngineUsage,
  SequenceId,
  TopLogits,
} from '../engines/engine.ts';

export interface FakeEngineInit {
  /** @default 64 */
  readonly vocabularySize?: number;
  /** @default 8 */
  readonly maxSequences?: number;
  /** Positions the cache holds, all sequences together. @default 4096 */
  readonly kvTokens?: number;
  /** @default 64 */
  readonly maxBatchTokens?: number;
  /** @default 1024 */
  readonly contextLength?: number;
  /** Part of a model that has this many layers. @default the whole of one layer */
  readonly part?: { readonly layers: LayerRange; readonly layerCount: number };
  /** @default no `top-k` output */
  readonly topK?: number;
  /** Called in every `forward` before it answers: to take time on a clock, to wait, to fail. */
  readonly onForward?: (steps: readonly EngineStep[]) => void | Promise<void>;
}

/** One step as it was computed. */
export interface RecordedStep {
  readonly sequence: SequenceId;
  readonly tokens: readonly number[];
  readonly output: EngineStep['output'];
}

const KV_BYTES_PER_TOKEN = 16;

/**
 * An engine whose logits are a hash of the sequence's tokens: exact, instant, and it remembers what it did. Between
 * parts of a model the hidden states of a token are the token, then zeros.
 */
export class FakeEngine implements Engine {
  readonly info: EngineInfo;
  readonly forwards: RecordedStep[][] = [];
  disposed = false;
  readonly #sequences = new Map<SequenceId, { tokens: number[]; maxTokens: number }>();
  readonly #onForward: FakeEngineInit['onForward'];
  #next = 1;

  constructor(init: FakeEngineInit = {}) {
    this.#onForward = init.onForward;
    this.info = {
      kind: 'reference',
      architecture: {
        ...tinyArchitecture(init.vocabularySize ?? 64, init.contextLength ?? 1024),
        layerCount: init.part?.layerCount ?? 1,
      },
      layers: init.part?.layers ?? { start: 0, end: 1 },
      weightBytes: 0,
      kvBudgetBytes: (init.kvTokens ?? 4096) * KV_BYTES_PER_TOKEN,
      kvBytesPerToken: KV_BYTES_PER_TOKEN,
      maxSequences: init.maxSequences ?? 8,
      maxBatchTokens: init.maxBatchTokens ?? 64,
      variant: 'fake',
      ...(init.topK === undefined ? {} : { topK: init.topK }),
    };
  }

  open({ maxTokens }: { maxTokens: number }): SequenceId {
    if (maxTokens > this.info.architecture.contextLength) {
      throw new ContextLengthExceededError(maxTokens, this.info.architecture.contextLength);
    }
    if (this.#sequences.size >= this.info.maxSequences) throw new TooManySequencesError(this.info.maxSequences);
    const freeTokens = (this.info.kvBudgetBytes - this.usage().kvReservedBytes) / KV_BYTES_PER_TOKEN;
    if (maxTokens > freeTokens) throw new KvCacheFullError(maxTokens, freeTokens);
    const sequence = this.#next++ as SequenceId;
    this.#sequences.set(sequence, { tokens: [], maxTokens });
    return sequence;
  }

  length(sequence: SequenceId): number {
    return this.#get(sequence).tokens.length;
  }

  truncate(sequence: SequenceId, length: number): void {
    this.#get(sequence).tokens.length = length;
  }

  close(sequence: SequenceId): void {
    this.#get(sequence);
    this.#sequences.delete(sequence);
  }

  async forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    const inputs = steps.map(({ input }) => this.#tokensOf(input));
    const total = inputs.reduce((sum, input) => sum + input.length, 0);
    if (total === 0 || total > this.info.maxBatchTokens) throw new InvalidStepError(`A batch of ${total} tokens.`);
    steps.forEach((step, index) => {
      const { tokens, maxTokens } = this.#get(step.sequence);
      const wanted = tokens.length + inputs[index]!.length;
      if (wanted > maxTokens) throw new ContextLengthExceededError(wanted, maxTokens);
    });
    this.forwards.push(steps.map(({ sequence, output }, index) => ({ sequence, tokens: inputs[index]!, output })));
    await this.#onForward?.(steps);
    return steps.map((step, index) => {
      const { tokens } = this.#get(step.sequence);
      tokens.push(...inputs[index]!);
      if (step.output === 'hidden') return { values: this.#statesOf(inputs[index]!) };
      if (step.output === 'top-k') return { values: new Float32Array(0), top: this.#topAfter(tokens) };
      return { values: step.output === 'last-logits' ? this.logitsAfter(tokens) : new Float32Array(0) };
    });
  }

  usage(): EngineUsage {
    let reserved = 0;
    for (const { maxTokens } of this.#sequences.values()) reserved += maxTokens;
    return { sequences: this.#sequences.size, kvReservedBytes: reserved * KV_BYTES_PER_TOKEN };
  }

  dispose(): void {
    this.disposed = true;
    this.#sequences.clear();
  }

  /** What the model says after `tokens`: `[vocabularySize]` values in [0, 1). */
  logitsAfter(tokens: readonly number[]): Float32Array {
    let hash = 0x811c9dc5;
    for (const token of tokens) hash = Math.imul(hash ^ token, 0x01000193) >>> 0;
    return Float32Array.from({ length: this.info.architecture.vocabularySize }, (_, token) => {
      const mixed = Math.imul(hash ^ Math.imul(token + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
      return (mixed ^ (mixed >>> 13)) / 2 ** 32;
    });
  }

  #tokensOf(input: EngineStep['input']): readonly number[] {
    const { layers, architecture } = this.info;
    if (layers.start === 0) return [...input];
    return [...input].filter((_, index) => index % architecture.hiddenSize === 0);
  }

  #statesOf(tokens: readonly number[]): Float32Array {
    const { hiddenSize } = this.info.architecture;
    const rows = new Float32Array(tokens.length * hiddenSize);
    tokens.forEach((token, row) => {
      rows[row * hiddenSize] = token;
    });
    return rows;
  }

  #topAfter(after: readonly number[]): TopLogits {
    const row = this.logitsAfter(after);
    const best = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, this.info.topK);
    const logSumExp = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return { tokens: Int32Array.from(best), logits: Float32Array.from(best, (token) => row[token]!), logSumExp };
  }

  #get(sequence: SequenceId) {
    const state = this.#sequences.get(sequence);
    if (state === undefined) throw new SequenceNotFoundError(sequence);
    return state;
  }
}

const tinyArchitecture = (vocabularySize: number, contextLength: number): ModelArchitecture => ({
  family: 'llama',
  layerCount: 1,
  hiddenSize: 8,
  feedForwardSize: 16,
  queryHeadCount: 2,
  keyValueHeadCount: 1,
  headSize: 4,
  vocabularySize,
  contextLength,
  rmsNormEpsilon: 1e-5,
  ropeBase: 10_000,
  ropeDimensionCount: 4,
  ropeLayout: 'interleaved',
  tiedEmbeddings: true,
});
