import { toWire } from '../errors.ts';
import { EngineKeepsFailingError } from './errors.ts';
import { NO_FAILURES, decideRestart } from './restart-policy.ts';
import type { Clock } from '../clock.ts';
import type { WireError } from '../errors.ts';
import type { FailureHistory } from './restart-policy.ts';
import type { Contributor, ContributorSnapshot, Recovery, StartContributing } from './types.ts';

export interface PersistentContributorComponents {
  /** Does the work; it leaves the network and ends its engine when that fails. */
  readonly contributor: Contributor;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * A contributor that comes back: after a failure it starts again with back-off, tests itself anew before it
 * announces itself, falls back to the CPU engine when another keeps failing, and gives up in the end. While it
 * waits its state is `error` with a `recovery.nextAtMs`.
 *
 * The first start is the caller's own: its failure is thrown, unless `canFallBack` lets the CPU engine try.
 *
 * @example
 * const contributor = createPersistentContributor({ contributor: createContributor(…), clock, random: Math.random });
 */
export const createPersistentContributor = (components: PersistentContributorComponents): Contributor =>
  new PersistentContributor(components);

interface Run {
  options: StartContributing;
  history: FailureHistory;
  paused: boolean;
  readonly ended: AbortController;
}

class PersistentContributor implements Contributor {
  readonly #components: PersistentContributorComponents;
  readonly #listeners = new Set<(snapshot: ContributorSnapshot) => void>();
  /** What is to be kept up; null while nothing was asked for, or all hope is gone. */
  #run: Run | null = null;
  /** A start or a recovery is under way and sees to failures itself. */
  #busy = false;
  #recovery: Recovery | null = null;
  #givenUp: WireError | null = null;
  #servingSinceMs: number | null = null;

  constructor(components: PersistentContributorComponents) {
    this.#components = components;
    components.contributor.subscribe((snapshot) => this.#follow(snapshot));
  }

  snapshot(): ContributorSnapshot {
    const snapshot = this.#components.contributor.snapshot();
    const error = snapshot.state === 'error' ? (this.#givenUp ?? snapshot.error) : snapshot.error;
    return { ...snapshot, error, recovery: this.#recovery };
  }

  subscribe(listener: (snapshot: ContributorSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async start(options: StartContributing): Promise<void> {
    const { contributor } = this.#components;
    const { state } = contributor.snapshot();
    // The contributor itself says why not.
    if (state !== 'idle' && state !== 'error') return contributor.start(options);
    this.#run?.ended.abort();
    const run: Run = { options, history: NO_FAILURES, paused: false, ended: new AbortController() };
    this.#run = run;
    this.#recovery = null;
    this.#givenUp = null;
    this.#busy = true;
    try {
      await contributor.start(options);
    } catch (error) {
      if (this.#run !== run) throw error;
      const wire = toWire(error);
      const decision = this.#decide(run, wire, 0);
      if (decision.type === 'give-up' || decision.engine === options.engine) {
        this.#run = null;
        this.#busy = false;
        this.#tell();
        throw error;
      }
      await this.#recover(run, wire, 0);
    } finally {
      if (this.#run === run) this.#busy = false;
    }
  }

  async pause(): Promise<void> {
    if (this.#run !== null) this.#run.paused = true;
    await this.#components.contributor.pause();
  }

  async resume(): Promise<void> {
    if (this.#run !== null) this.#run.paused = false;
    await this.#components.contributor.resume();
  }

  setShare(share: number): void {
    if (this.#run !== null) this.#run.options = { ...this.#run.options, share };
    this.#components.contributor.setShare(share);
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#components.contributor.stop();
  }

  async forget(): Promise<void> {
    this.#end();
    await this.#components.contributor.forget();
  }

  #end(): void {
    this.#run?.ended.abort();
    this.#run = null;
    this.#busy = false;
    this.#recovery = null;
    this.#givenUp = null;
  }

  #follow({ state, error, sinceMs }: ContributorSnapshot): void {
    if (state === 'serving' || state === 'paused') this.#servingSinceMs ??= sinceMs;
    const servedMs = this.#servingSinceMs === null ? 0 : this.#components.clock.now() - this.#servingSinceMs;
    if (state !== 'serving' && state !== 'paused') this.#servingSinceMs = null;
    const run = this.#run;
    // Who is busy with it tells of a failure together with what comes next.
    if (state === 'error' && this.#busy) return;
    if (state === 'error' && error !== null && run !== null) void this.#recover(run, error, servedMs);
    else this.#tell();
  }

  /** Tries until it serves, is stopped, or gives up. Never rejects. */
  async #recover(run: Run, failure: WireError, servedMs: number): Promise<void> {
    const { contributor, clock } = this.#components;
    const { signal } = run.ended;
    this.#busy = true;
    let error = failure;
    let lastedMs = servedMs;
    while (this.#run === run) {
      const decision = this.#decide(run, error, lastedMs);
      if (decision.type === 'give-up') {
        this.#givenUp = decision.tired ? toWire(new EngineKeepsFailingError(error.message)) : error;
        this.#run = null;
        break;
      }
      const { engine, delayMs, history } = decision;
      const from = run.options.engine;
      this.#recovery = {
        restarts: (this.#recovery?.restarts ?? 0) + 1,
        failure: error,
        fellBackFrom: engine === from ? (this.#recovery?.fellBackFrom ?? null) : from,
        nextAtMs: clock.now() + delayMs,
      };
      run.history = history;
      run.options = { ...run.options, engine };
      this.#tell();
      try {
        await clock.sleep(delayMs, signal);
        if (this.#run !== run) return;
        this.#recovery = { ...this.#recovery, nextAtMs: null };
        await contributor.start(run.options);
        if (run.paused) await contributor.pause();
        break;
      } catch (cause) {
        // Stopped or started anew meanwhile: somebody else's turn.
        if (signal.aborted) return;
        error = toWire(cause);
        lastedMs = 0;
      }
    }
    this.#busy = false;
    this.#tell();
  }

  #decide(run: Run, error: WireError, servedMs: number) {
    const { engine, canFallBack = false } = run.options;
    return decideRestart(run.history, { engine, error, servedMs, canFallBack }, this.#components.random);
  }

  #tell(): void {
    const snapshot = this.snapshot();
    for (const listener of this.#listeners) listener(snapshot);
  }
}
