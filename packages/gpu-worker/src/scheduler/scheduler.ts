import { errorCode, isWholeModel } from '@opengateway/core';
import { checkRequest } from './check-request.ts';
import {
  CREDIT_WINDOW_LAYER_EVENTS,
  CREDIT_WINDOW_TOKENS,
  DEFAULT_CREDIT_STALL_LIMIT_MS,
  DEFAULT_MAX_QUEUED_GENERATIONS,
  DEFAULT_STEP_BUDGET_MS,
  HEARTBEAT_INTERVAL_MS,
} from './constants.ts';
import { createGeneration } from './create-generation.ts';
import { createDutyCycle } from './duty-cycle.ts';
import { ConsumerStalledError, EngineBusyError, EngineFailedError, InvalidGenerationError } from './errors.ts';
import { createPrefillPacer } from './prefill-pacer.ts';
import { createRateMeter } from './rate-meter.ts';
import { SparseLogits } from './sparse-logits.ts';
import { StepPlanner } from './step-planner.ts';
import { yieldToMessages } from './yield-to-messages.ts';
import type { GenerateRequest, LayerRequest } from '@opengateway/core';
import type { EngineOutput } from '../engines/engine.ts';
import type { Generation } from './generation.ts';
import type { StepPlan } from './step-planner.ts';
import type {
  GenerationHandle,
  GenerationSink,
  LayerHandle,
  LayerSink,
  Scheduler,
  SchedulerComponents,
  SchedulerInit,
  SchedulerStats,
} from './types.ts';

/**
 * Creates the scheduler of one engine.
 *
 * Each step is one `forward`: a token for every answer that has credit, and a piece of the prompts that
 * are still to be read, sized so that the step stays within its budget. Nothing runs, no timer either,
 * while nothing is open. Where the engine holds part of a model, an answer is that part's share of it, and waits
 * between two steps for what its neighbour makes.
 *
 * @example
 * const scheduler = createScheduler({ engine, createSampler, clock: systemClock });
 * const generation = scheduler.start(request, { emit: console.log, fail: console.error });
 * generation.grant(32);
 */
export const createScheduler = (components: SchedulerComponents, init: SchedulerInit = {}): Scheduler =>
  new ContinuousBatcher(components, init);

class ContinuousBatcher implements Scheduler {
  readonly #components: Required<SchedulerComponents>;
  readonly #init: Required<Omit<SchedulerInit, 'onEngineFailure'>> & Pick<SchedulerInit, 'onEngineFailure'>;
  readonly #pacer;
  readonly #rate = createRateMeter();
  readonly #duty;
  readonly #waiting: Generation[] = [];
  #running: Generation[] = [];
  readonly #planner = new StepPlanner();
  /** Between two turns of the message queue: sequences must not close under the engine's hands. */
  #working = false;
  readonly #sparseLogits: SparseLogits | null;
  #woken = false;
  #loop: Promise<void> | null = null;
  #watch: AbortController | null = null;
  #rest: AbortController | null = null;
  #closed = false;
  #tokensTotal = 0;
  #prefillTokensTotal = 0;

  constructor(components: SchedulerComponents, init: SchedulerInit) {
    this.#components = { yieldToMessages, highResolutionNow: () => components.clock.now(), ...components };
    this.#init = {
      maxQueued: DEFAULT_MAX_QUEUED_GENERATIONS,
      stepBudgetMs: DEFAULT_STEP_BUDGET_MS,
      initialCredit: CREDIT_WINDOW_TOKENS,
      initialLayerCredit: CREDIT_WINDOW_LAYER_EVENTS,
      creditStallLimitMs: DEFAULT_CREDIT_STALL_LIMIT_MS,
      share: 1,
      ...init,
    };
    const { topK, architecture } = components.engine.info;
    this.#sparseLogits = topK === undefined ? null : new SparseLogits(architecture.vocabularySize);
    this.#duty = createDutyCycle(this.#init.share);
    this.#pacer = createPrefillPacer({
      stepBudgetMs: this.#init.stepBudgetMs,
      maxTokens: components.engine.info.maxBatchTokens,
    });
  }

  start(request: GenerateRequest, sink: GenerationSink): GenerationHandle {
    const { layers, architecture } = this.#components.engine.info;
    if (!isWholeModel(layers, architecture.layerCount)) {
      sink.fail(new InvalidGenerationError(`Only layers ${layers.start} to ${layers.end} are here.`));
      return ENDED;
    }
    const whole: LayerRequest = { ...request, tokenCount: request.tokens.length, format: 'f32' };
    return this.#start(whole, asLayerSink(sink), this.#init.initialCredit);
  }

  startLayers(request: LayerRequest, sink: LayerSink): LayerHandle {
    return this.#start(request, sink, this.#init.initialLayerCredit);
  }

  #start(request: LayerRequest, sink: LayerSink, credit: number): LayerHandle {
    const generation = this.#accept(request, sink, credit);
    if (generation === null) return ENDED;
    this.#waiting.push(generation);
    this.#admit();
    if (generation.sequence === null && !generation.finished) {
      generation.sayQueued(this.#waiting.length - 1, this.#waiting.length, this.#components.clock.now());
    }
    this.#wake();
    return {
      grant: (events) => {
        generation.grant(events);
        this.#wake();
      },
      cancel: () => {
        if (generation.finished) return;
        generation.cancelled = true;
        if (!this.#working) this.#removeEnded();
        this.#wake();
      },
      give: (input) => {
        if (generation.finished || generation.cancelled) return;
        try {
          generation.give(input);
        } catch (error) {
          generation.fail(error);
          if (!this.#working) this.#removeEnded();
        }
        this.#wake();
      },
    };
  }

  stats(): SchedulerStats {
    return {
      active: this.#running.length,
      queued: this.#waiting.length,
      tokensTotal: this.#tokensTotal,
      prefillTokensTotal: this.#prefillTokensTotal,
      tokensPerSecond: this.#rate.tokensPerSecond(this.#components.clock.now()),
    };
  }

  setShare(share: number): void {
    this.#duty.setShare(share);
    this.#rest?.abort();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.abort();
    this.#rest?.abort();
    const error = new EngineFailedError('The model was unloaded.');
    for (const generation of [...this.#running, ...this.#waiting]) {
      if (!generation.finished && !generation.cancelled) generation.fail(error);
    }
    if (!this.#working) this.#removeEnded();
    await this.#loop;
  }

  /** A new generation, or null where the sink was told why not. */
  #accept(request: LayerRequest, sink: LayerSink, credit: number): Generation | null {
    const { engine, createSampler, clock } = this.#components;
    const refusal = this.#closed
      ? new EngineFailedError('The model was unloaded.')
      : (checkRequest(request, engine.info) ??
        (this.#waiting.length >= this.#init.maxQueued ? new EngineBusyError(this.#waiting.length) : null));
    if (refusal !== null) {
      sink.fail(refusal);
      return null;
    }
    try {
      return createGeneration(request, sink, { info: engine.info, createSampler, credit, nowMs: clock.now() });
    } catch (error) {
      sink.fail(error);
      return null;
    }
  }

  /** Gives places to those who wait, first come first served: a large one is never overtaken for ever. */
  #admit(): void {
    const { engine, clock } = this.#components;
    while (this.#waiting.length > 0) {
      const generation = this.#waiting[0] as Generation;
      try {
        generation.admit(engine.open({ maxTokens: generation.reservedTokens }), clock.now());
        this.#running.push(generation);
      } catch (error) {
        const code = errorCode(error);
        const mayFitLater = (code === 'kv_cache_full' || code === 'too_many_sequences') && this.#running.length > 0;
        if (mayFitLater) return;
        generation.fail(error);
      }
      this.#waiting.shift();
    }
  }

  #wake(): void {
    this.#woken = true;
    if (this.#loop !== null || this.#closed) return;
    this.#watch?.abort(WOKEN);
    this.#watch = null;
    this.#loop = this.#run().finally(() => {
      this.#working = false;
      this.#loop = null;
      if (this.#closed || this.#running.length + this.#waiting.length === 0) return;
      if (this.#woken) this.#wake();
      else void this.#watchOver();
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#components;
    for (;;) {
      // Requests that arrived together start together, and cancellations count before the next step.
      this.#working = false;
      await this.#components.yieldToMessages();
      this.#working = true;
      this.#woken = false;
      this.#removeEnded();
      if (this.#closed) return;
      this.#admit();
      const startedMs = clock.now();
      this.#endStalled(startedMs);
      this.#sayAlive(startedMs);
      const { maxBatchTokens } = this.#components.engine.info;
      const plan = this.#planner.plan(this.#running, maxBatchTokens, this.#pacer.chunkTokens);
      const { decodeTokens, prefillTokens } = plan;
      if (plan.steps.length === 0) return;
      const tokensBefore = this.#tokensTotal;
      if (!(await this.#step(plan))) continue;
      const endedMs = clock.now();
      this.#prefillTokensTotal += prefillTokens;
      if (prefillTokens > 0) this.#pacer.record(prefillTokens, decodeTokens, endedMs - startedMs);
      this.#rate.record(endedMs, this.#tokensTotal - tokensBefore, endedMs - startedMs);
      this.#duty.worked(endedMs - startedMs);
      if (this.#duty.dueMs() > 0) await this.#takeRest();
    }
  }

  /** Idles for the rest that is due, so that the device is lent for no more than its share of the time. */
  async #takeRest(): Promise<void> {
    const { clock } = this.#components;
    const rest = new AbortController();
    this.#rest = rest;
    // Who is cancelled meanwhile is let go at once.
    this.#working = false;
    while (!rest.signal.aborted) {
      const startedMs = clock.now();
      const dueMs = this.#duty.dueMs();
      if (dueMs === 0) break;
      // Rejects only when aborted, which the loop's condition sees.
      await clock.sleep(Math.min(dueMs, HEARTBEAT_INTERVAL_MS), rest.signal).catch(() => {});
      const nowMs = clock.now();
      this.#duty.rested(nowMs - startedMs);
      this.#sayAlive(nowMs);
    }
    this.#rest = null;
  }

  /** Computes what is planned and tells the results; false where the engine failed. */
  async #step({ steps, owners }: StepPlan): Promise<boolean> {
    const { engine, clock, highResolutionNow } = this.#components;
    const startedMs = highResolutionNow();
    let outputs: readonly EngineOutput[];
    try {
      outputs = await engine.forward(steps);
    } catch (error) {
      this.#failStep(owners, error);
      return false;
    }
    const elapsedMs = highResolutionNow() - startedMs;
    const nowMs = clock.now();
    for (let index = 0; index < owners.length; index++) {
      const generation = owners[index] as Generation;
      if (generation.cancelled || generation.finished) continue;
      this.#deliver(generation, outputs[index] as EngineOutput, { nowMs, elapsedMs });
    }
    this.#removeEnded();
    return true;
  }

  #deliver(
    generation: Generation,
    { top, values }: EngineOutput,
    times: { readonly nowMs: number; readonly elapsedMs: number },
  ): void {
    const madeBefore = generation.madeTokens;
    try {
      const reason = generation.takeOutput(top && this.#sparseLogits ? this.#sparseLogits.expand(top) : values, times);
      this.#tokensTotal += generation.madeTokens - madeBefore;
      if (reason === null) return;
      this.#release(generation);
      generation.end(reason, times.nowMs);
    } catch (error) {
      generation.fail(error);
    }
  }

  #failStep(owners: readonly Generation[], error: unknown): void {
    const failure = new EngineFailedError('The engine failed in the middle of a step.', { cause: error });
    for (const generation of owners) {
      if (!generation.finished && !generation.cancelled) generation.fail(failure);
    }
    this.#removeEnded();
    this.#init.onEngineFailure?.(error);
  }

  #endStalled(nowMs: number): void {
    let ended = false;
    for (const generation of this.#running) {
      if (generation.stalledSinceMs === null) continue;
      const stalledMs = nowMs - generation.stalledSinceMs;
      if (stalledMs < this.#init.creditStallLimitMs) continue;
      generation.fail(new ConsumerStalledError(stalledMs));
      ended = true;
    }
    if (ended) {
      this.#removeEnded();
      this.#admit();
    }
  }

  #sayAlive(nowMs: number): void {
    for (let index = 0; index < this.#waiting.length; index++) {
      const generation = this.#waiting[index] as Generation;
      if (nowMs - generation.lastEventMs < HEARTBEAT_INTERVAL_MS) continue;
      generation.sayQueued(index, this.#waiting.length, nowMs);
    }
    for (const generation of this.#running) {
      if (!generation.isPrefilling || nowMs - generation.lastEventMs < HEARTBEAT_INTERVAL_MS) continue;
      generation.sayPrefill(nowMs);
    }
  }

  /** While everything that runs waits for its consumer, those in the queue still hear from us. */
  async #watchOver(): Promise<void> {
    const watch = new AbortController();
    this.#watch = watch;
    try {
      await this.#components.clock.sleep(HEARTBEAT_INTERVAL_MS, watch.signal);
    } catch {
      // Aborted: the loop runs again and takes over.
      return;
    }
    if (this.#watch === watch) this.#wake();
  }

  #removeEnded(): void {
    let kept = 0;
    for (const generation of this.#running) {
      if (generation.finished || generation.cancelled) this.#release(generation);
      else this.#running[kept++] = generation;
    }
    this.#running.length = kept;
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      const generation = this.#waiting[index] as Generation;
      if (generation.cancelled || generation.finished) this.#waiting.splice(index, 1);
    }
  }

  #release(generation: Generation): void {
    if (generation.sequence === null) return;
    this.#components.engine.close(generation.sequence);
    generation.sequence = null;
  }
}

/** Why a watch ends; without one, every token of a chain would make an exception with its stack. */
const WOKEN = 'woken';

/** Of a sequence that was refused. */
const ENDED: LayerHandle = { grant: () => {}, cancel: () => {}, give: () => {} };

/** A whole model's consumer needs no positions, gives nothing and is never told hidden states. */
const asLayerSink = ({ emit, fail }: GenerationSink): LayerSink => ({
  emit(event, state) {
    if (event.type === 'hidden') return;
    if (event.type !== 'token') {
      emit(event, state);
      return;
    }
    const { position: _, ...token } = event;
    emit(token, state);
  },
  fail,
});
