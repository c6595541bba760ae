import { MAX_CREDIT_TOKENS } from './constants.ts';
import type { GenerateEvent, GenerateRequest } from '@opengateway/core';
import type { EngineStep, SequenceId } from '../engines/engine.ts';
import type { GenerationSink, TokenSampler } from './types.ts';

/** One answer being computed or waiting: its place in the engine, its credit, and what it has said so far. */
export class Generation {
  readonly request: GenerateRequest;
  /** Positions the engine has to reserve. */
  readonly reservedTokens: number;
  sequence: SequenceId | null = null;
  prefilledTokens = 0;
  generatedTokens = 0;
  credit: number;
  cancelled = false;
  finished = false;
  lastEventMs: number;
  /** When the credit ran out; null while there is some. */
  stalledSinceMs: number | null = null;

  readonly #sink: GenerationSink;
  readonly #sampler: TokenSampler;
  /** What is asked of the engine where a token is to be chosen. */
  readonly #choiceOutput: 'last-logits' | 'top-k';
  readonly #endTokens: ReadonlySet<number>;
  readonly #tokens: Int32Array;
  readonly #decodeInput = new Int32Array(1);
  readonly #queuedAtMs: number;
  #decodeStep: EngineStep | null = null;
  #admittedAtMs = 0;
  #firstTokenAtMs = 0;

  constructor(
    request: GenerateRequest,
    sink: GenerationSink,
    options: { sampler: TokenSampler; credit: number; nowMs: number; choiceOutput: 'last-logits' | 'top-k' },
  ) {
    this.request = request;
    this.reservedTokens = request.tokens.length + request.maxTokens;
    this.credit = options.credit;
    this.lastEventMs = options.nowMs;
    this.#queuedAtMs = options.nowMs;
    this.#sink = sink;
    this.#sampler = options.sampler;
    this.#choiceOutput = options.choiceOutput;
    this.#endTokens = new Set(request.endTokens);
    this.#tokens = Int32Array.from(request.tokens);
  }

  get isPrefilling(): boolean {
    return this.prefilledTokens < this.#tokens.length;
  }

  get remainingPromptTokens(): number {
    return this.#tokens.length - this.prefilledTokens;
  }

  admit(sequence: SequenceId, nowMs: number): void {
    this.sequence = sequence;
    this.#admittedAtMs = nowMs;
    this.#decodeStep = { sequence, input: this.#decodeInput, output: this.#choiceOutput };
    this.sayPrefill(nowMs);
  }

  prefillStep(tokens: number): EngineStep {
    const end = this.prefilledTokens + tokens;
    return {
      sequence: this.sequence as SequenceId,
      input: this.#tokens.subarray(this.prefilledTokens, end),
      output: end === this.#tokens.length ? this.#choiceOutput : 'none',
    };
  }

  /** The same object every time: decoding allocates nothing here. */
  decodeStep(): EngineStep {
    return this.#decodeStep as EngineStep;
  }

  /** Chooses and tells the next token; true when the answer is complete. */
  takeLogits(logits: Float32Array, nowMs: number): 'stop' | 'length' | null {
    if (this.generatedTokens === 0) this.#firstTokenAtMs = nowMs;
    const { token, logprobs } = this.#sampler.sample(logits, this.#tokens.length + this.generatedTokens);
    if (this.#endTokens.has(token)) return 'stop';
    this.generatedTokens++;
    this.#decodeInput[0] = token;
    this.#sampler.accept(token);
    this.credit--;
    if (this.credit <= 0) this.stalledSinceMs = nowMs;
    this.#say(logprobs === undefined ? { type: 'token', token } : { type: 'token', token, logprobs }, nowMs);
    return this.generatedTokens === this.request.maxTokens ? 'length' : null;
  }

  grant(tokens: number): void {
    if (!(tokens > 0)) return;
    this.credit = Math.min(MAX_CREDIT_TOKENS, this.credit + Math.floor(tokens));
    if (this.credit > 0) this.stalledSinceMs = null;
  }

  sayPrefill(nowMs: number): void {
    this.#say({ type: 'progress', state: 'prefill', done: this.prefilledTokens, total: this.#tokens.length }, nowMs);
  }

  sayQueued(ahead: number, queued: number, nowMs: number): void {
    this.#say({ type: 'progress', state: 'queued', done: ahead, total: queued }, nowMs);
  }

  end(reason: 'stop' | 'length', nowMs: number): void {
    this.finished = true;
    this.#say(
      {
        type: 'end',
        reason,
        timing: {
          queuedMs: this.#admittedAtMs - this.#queuedAtMs,
          prefillMs: this.#firstTokenAtMs - this.#admittedAtMs,
          decodeMs: nowMs - this.#firstTokenAtMs,
        },
      },
      nowMs,
    );
  }

  fail(error: unknown): void {
    this.finished = true;
    this.#sink.fail(error);
  }

  #say(event: GenerateEvent, nowMs: number): void {
    this.lastEventMs = nowMs;
    this.#sink.emit(event);
  }
}
