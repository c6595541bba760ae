import { MAX_CREDIT_TOKENS } from './constants.ts';
import { EngineFailedError, InvalidInputError } from './errors.ts';
import { encodeHidden } from './hidden-payload.ts';
import type { HiddenStates, LayerEvent, LayerInput, LayerRequest } from '@opengateway/core';
import type { EngineStep, SequenceId } from '../engines/engine.ts';
import type { StepInput } from './step-input.ts';
import type { LayerSink, TokenSampler } from './types.ts';

export interface GenerationInit {
  readonly input: StepInput;
  /** Who chooses tokens; null where another stage follows. */
  readonly sampler: TokenSampler | null;
  /** What is asked of the engine where a token is to be chosen. */
  readonly choiceOutput: 'last-logits' | 'top-k';
  readonly hiddenSize: number;
  readonly credit: number;
  readonly nowMs: number;
}

/**
 * One answer being computed or waiting, or one stage's part of it: its place in the engine, its credit, what it
 * has to compute and what it has said so far.
 */
export class Generation {
  readonly request: LayerRequest;
  /** Positions the engine has to reserve. */
  readonly reservedTokens: number;
  sequence: SequenceId | null = null;
  /** Positions computed. */
  position = 0;
  /** Tokens of the answer: chosen here, or computed on their way to where the next is chosen. */
  madeTokens = 0;
  credit: number;
  cancelled = false;
  finished = false;
  lastEventMs: number;
  /** When the credit ran out; null while there is some. */
  stalledSinceMs: number | null = null;

  readonly #sink: LayerSink;
  readonly #init: GenerationInit;
  readonly #endTokens: ReadonlySet<number>;
  readonly #queuedAtMs: number;
  #admittedAtMs = 0;
  #firstTokenAtMs = 0;
  #prefillMs = 0;
  #decodeMs = 0;
  #decodeSteps = 0;
  /** Positions of the step under way. */
  #stepTokens = 0;

  constructor(request: LayerRequest, sink: LayerSink, init: GenerationInit) {
    this.request = request;
    this.reservedTokens = request.tokenCount + request.maxTokens;
    this.credit = init.credit;
    this.lastEventMs = init.nowMs;
    this.#queuedAtMs = init.nowMs;
    this.#sink = sink;
    this.#init = init;
    this.#endTokens = new Set(request.endTokens);
  }

  get isPrefilling(): boolean {
    return this.position < this.request.tokenCount;
  }

  get remainingPromptTokens(): number {
    return this.request.tokenCount - this.position;
  }

  /** Positions that the next step may hold. */
  get readyTokens(): number {
    if (this.credit <= 0) return 0;
    return Math.min(this.#init.input.ready, this.isPrefilling ? this.remainingPromptTokens : 1);
  }

  admit(sequence: SequenceId, nowMs: number): void {
    this.sequence = sequence;
    this.#admittedAtMs = nowMs;
    this.sayPrefill(nowMs);
  }

  /** @throws InvalidInputError */
  give(input: LayerInput): void {
    this.#init.input.give(input);
  }

  /** The next `tokens` positions, of those that are ready. */
  step(tokens: number): EngineStep {
    const { input, sampler, choiceOutput } = this.#init;
    this.#stepTokens = tokens;
    return {
      sequence: this.sequence as SequenceId,
      input: input.take(tokens),
      output: sampler === null ? 'hidden' : tokens < this.remainingPromptTokens ? 'none' : choiceOutput,
    };
  }

  /**
   * Tells what came of the step: hidden states, or a token where one is due. Returns why the answer is complete,
   * or null.
   *
   * @param values what the engine gave, or the logits that it stands for
   */
  takeOutput(
    values: Float32Array,
    { nowMs, elapsedMs }: { nowMs: number; elapsedMs: number },
  ): 'stop' | 'length' | null {
    const { position } = this;
    const wasPrefilling = this.isPrefilling;
    this.position += this.#stepTokens;
    if (wasPrefilling) {
      this.#prefillMs += elapsedMs;
      this.sayPrefill(nowMs);
    } else {
      this.#decodeMs += elapsedMs;
      this.#decodeSteps++;
    }
    if (this.#init.sampler === null) {
      if (!wasPrefilling) this.madeTokens += this.#stepTokens;
      for (const states of this.#encode(values, position)) this.#sayPaid(states, nowMs);
      return null;
    }
    return this.isPrefilling ? null : this.#choose(this.#init.sampler, values, nowMs);
  }

  grant(events: number): void {
    if (!(events > 0)) return;
    this.credit = Math.min(MAX_CREDIT_TOKENS, this.credit + Math.floor(events));
    if (this.credit > 0) this.stalledSinceMs = null;
  }

  sayPrefill(nowMs: number): void {
    this.#say({ type: 'progress', state: 'prefill', done: this.position, total: this.request.tokenCount }, nowMs);
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

  #choose(sampler: TokenSampler, logits: Float32Array, nowMs: number): 'stop' | 'length' | null {
    if (this.madeTokens === 0) this.#firstTokenAtMs = nowMs;
    const { position } = this;
    const { token, logprobs } = sampler.sample(logits, position);
    if (this.#endTokens.has(token)) return 'stop';
    this.madeTokens++;
    this.#init.input.chosen(token);
    sampler.accept(token);
    const chosen = { type: 'token', position, token } as const;
    this.#sayPaid(logprobs === undefined ? chosen : { ...chosen, logprobs }, nowMs);
    return this.madeTokens === this.request.maxTokens ? 'length' : null;
  }

  #encode(rows: Float32Array, position: number): HiddenStates[] {
    try {
      return encodeHidden(rows, { position, hiddenSize: this.#init.hiddenSize, format: this.request.format });
    } catch (cause) {
      // Finite but absurd states lead there; without a neighbour's it is the engine's own doing.
      const message = 'What was computed is not finite.';
      throw this.request.tokens.length > 0
        ? new EngineFailedError(message, { cause })
        : new InvalidInputError(message, { cause });
    }
  }

  #sayPaid(event: LayerEvent, nowMs: number): void {
    this.credit--;
    if (this.credit <= 0) this.stalledSinceMs ??= nowMs;
    this.#say(event, nowMs);
  }

  #say(event: LayerEvent, nowMs: number): void {
    this.lastEventMs = nowMs;
    this.#sink.emit(event, {
      timing: { prefillMs: this.#prefillMs, decodeMs: this.#decodeMs, decodeSteps: this.#decodeSteps },
      takenInputs: this.#init.input.takenInputs,
    });
  }
}
