import { StageBusyError } from '../inference/errors.ts';
import { HEARTBEAT_MS } from '../inference/generator.ts';
import { raceAbort } from '../wire/race-abort.ts';
import {
  CLAIM_MS,
  DEFAULT_MODELS_MEMORY_BYTES,
  FAILED_LOAD_PAUSE_MS,
  LOAD_PATIENCE_MS,
  MAX_LOAD_WAITERS,
  MIN_MEMORY_STAY_MS,
} from './constants.ts';
import { ModelNotLoadedError } from './errors.ts';
import type { Clock } from '../clock.ts';
import type { ManifestHash } from '../ids.ts';
import type { GenerateEvent } from '../inference/generator.ts';

/** A model that can be in memory or out of it. */
export interface PooledModel {
  /** In memory: weights, cache and engine. */
  readonly bytes: number;
  /** Never put out for another. */
  readonly stays: boolean;
  load(): Promise<void>;
  unload(): Promise<void>;
}

export interface ModelPoolComponents {
  readonly clock: Clock;
  /** Called when a model came into memory, went out of it, or could not be loaded. */
  readonly onChange: () => void;
}

export interface ModelPoolInit {
  /** For all models together. @default 1 GiB, or what the largest needs where that is more */
  readonly memoryBytes: number | undefined;
}

/** Told to a request while its model is loaded. */
export type LoadingEvent = Extract<GenerateEvent, { type: 'progress' }>;

interface Member {
  readonly model: PooledModel;
  isIn: boolean;
  /** Requests that are computed, or about to be. */
  running: number;
  waiting: number;
  loadedAtMs: number;
  usedAtMs: number;
  /** When it was last asked for in vain. */
  claimedAtMs: number;
  failedAtMs: number;
  failure: unknown;
}

/**
 * Decides which models are in memory, within a bound: whichever is asked for comes in, those used longest ago go
 * out. None goes out under a running request, or before it was in for `MIN_MEMORY_STAY_MS`; from then on it takes
 * no new requests while another has a claim, so that all that are asked for get their turn. One loads at a time.
 */
export class ModelPool {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #memoryBytes: number | undefined;
  readonly #members = new Map<ManifestHash, Member>();
  #loading: { readonly member: Member; readonly done: Promise<void> } | null = null;

  constructor({ clock, onChange }: ModelPoolComponents, { memoryBytes }: ModelPoolInit) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#memoryBytes = memoryBytes;
  }

  add(key: ManifestHash, model: PooledModel, { isIn }: { readonly isIn: boolean }): void {
    const nowMs = this.#clock.now();
    this.#members.set(key, {
      model,
      isIn,
      running: 0,
      waiting: 0,
      loadedAtMs: nowMs,
      usedAtMs: nowMs,
      claimedAtMs: Number.NEGATIVE_INFINITY,
      failedAtMs: Number.NEGATIVE_INFINITY,
      failure: undefined,
    });
  }

  /** Most that a further model may need. */
  roomBytes(): number {
    if (this.#memoryBytes === undefined) return Infinity;
    return this.#memoryBytes - bytesOf([...this.#members.values()].filter(({ model }) => model.stays));
  }

  isIn(key: ManifestHash): boolean {
    return this.#members.get(key)?.isIn ?? false;
  }

  /** Whether it may be asked for: it is there, and did not fail to load a moment ago. */
  isOffered(key: ManifestHash): boolean {
    const member = this.#members.get(key);
    return member !== undefined && !this.#failedLately(member);
  }

  /** Requests that wait for it to be loaded. */
  waiting(key: ManifestHash): number {
    return this.#members.get(key)?.waiting ?? 0;
  }

  /** Its engine broke: it is out of memory, and not offered for a while. */
  lose(key: ManifestHash, error: unknown): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    member.isIn = false;
    this.#noteFailure(member, error);
    this.#onChange();
  }

  /**
   * Brings a model into memory where it is not, saying every `HEARTBEAT_MS` that it is under way, and keeps it there
   * until the function that comes last is called.
   *
   * @throws `engine_busy` (retryable) where others come first or it takes too long, `model_not_served` (retryable)
   * where it cannot be loaded, or the signal's reason.
   */
  async *enter(key: ManifestHash, signal: AbortSignal): AsyncGenerator<LoadingEvent, () => void, void> {
    const member = this.#members.get(key);
    if (member === undefined) throw new ModelNotLoadedError('it is not here');
    if (!member.isIn) yield* this.#broughtIn(member, signal);
    else if (this.#givesWay(member)) throw new StageBusyError('Another model has its turn on this device now.');
    return this.hold(key);
  }

  /** Keeps a model that is in memory there until the function is called. @throws `model_not_served` where it is not */
  hold(key: ManifestHash): () => void {
    const member = this.#members.get(key);
    if (member?.isIn !== true) throw new ModelNotLoadedError('it is on disk only');
    return this.#hold(member);
  }

  /** Resolves when nothing is loaded any more. */
  async settled(): Promise<void> {
    await this.#loading?.done.catch(() => {}); // whoever waited for it is told
  }

  #hold(member: Member): () => void {
    let isHeld = true;
    member.running += 1;
    member.usedAtMs = this.#clock.now();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      member.running -= 1;
      member.usedAtMs = this.#clock.now();
    };
  }

  async *#broughtIn(member: Member, signal: AbortSignal): AsyncGenerator<LoadingEvent, void, void> {
    if (this.#failedLately(member)) throw notLoaded(member.failure);
    if (member.waiting >= MAX_LOAD_WAITERS) throw new StageBusyError('Too many requests wait for this model.');
    const done = this.#loadOf(member);
    const untilMs = this.#clock.now() + LOAD_PATIENCE_MS;
    member.waiting += 1;
    try {
      do {
        if (this.#clock.now() >= untilMs) throw new StageBusyError('The model is still being loaded on this device.');
        yield { type: 'progress', state: 'queued', done: 0, total: member.waiting };
      } while (!(await this.#endsWithin(done, HEARTBEAT_MS, signal)));
    } finally {
      member.waiting -= 1;
    }
  }

  /** The load of a model, begun where none is under way. @throws `engine_busy` */
  #loadOf(member: Member): Promise<void> {
    if (this.#loading?.member === member) return this.#loading.done;
    const victims = this.#loading === null ? this.#victims(member, { idleOnly: true }) : undefined;
    if (victims === undefined) {
      member.claimedAtMs = this.#clock.now();
      throw new StageBusyError('This device computes another model now.');
    }
    const done = this.#exchange(member, victims);
    this.#loading = { member, done };
    done.catch(() => {}); // its waiters are told; there may be none left
    return done;
  }

  async #exchange(member: Member, victims: readonly Member[]): Promise<void> {
    // At once, so that nobody enters what is about to go.
    for (const victim of victims) victim.isIn = false;
    this.#onChange();
    try {
      for (const { model } of victims) await model.unload();
      await member.model.load();
      member.isIn = true;
      member.failedAtMs = Number.NEGATIVE_INFINITY;
      member.loadedAtMs = this.#clock.now();
    } catch (error) {
      this.#noteFailure(member, error);
      throw notLoaded(error);
    } finally {
      this.#loading = null;
      this.#onChange();
    }
  }

  /** The models to put out for another, those used longest ago first; undefined where there is no room to be had. */
  #victims(member: Member, { idleOnly }: { idleOnly: boolean }): Member[] | undefined {
    const nowMs = this.#clock.now();
    const inMemory = [...this.#members.values()].filter(({ isIn }) => isIn);
    let lackingBytes = bytesOf(inMemory) + member.model.bytes - this.#boundBytes();
    const victims: Member[] = [];
    for (const candidate of inMemory.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (lackingBytes <= 0) break;
      const { model, running, loadedAtMs } = candidate;
      if (model.stays || nowMs - loadedAtMs < MIN_MEMORY_STAY_MS || (idleOnly && running > 0)) continue;
      victims.push(candidate);
      lackingBytes -= model.bytes;
    }
    return lackingBytes <= 0 ? victims : undefined;
  }

  #givesWay(member: Member): boolean {
    const sinceMs = this.#clock.now() - CLAIM_MS;
    return [...this.#members.values()].some(
      (other) =>
        !other.isIn &&
        other.claimedAtMs > sinceMs &&
        this.#victims(other, { idleOnly: false })?.includes(member) === true,
    );
  }

  #boundBytes(): number {
    if (this.#memoryBytes !== undefined) return this.#memoryBytes;
    const largest = Math.max(0, ...[...this.#members.values()].map(({ model }) => model.bytes));
    return Math.max(DEFAULT_MODELS_MEMORY_BYTES, largest);
  }

  #noteFailure(member: Member, error: unknown): void {
    member.failure = error;
    member.failedAtMs = this.#clock.now();
  }

  #failedLately({ failedAtMs }: Member): boolean {
    return this.#clock.now() - failedAtMs < FAILED_LOAD_PAUSE_MS;
  }

  /** Whether `work` ended in time. @throws what it throws, or the signal's reason */
  async #endsWithin(work: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
    const ended = new AbortController();
    const timer = this.#clock.sleep(ms, ended.signal).then(() => false);
    timer.catch(() => {}); // ended by the line below
    try {
      return await raceAbort(Promise.race([work.then(() => true), timer]), signal);
    } finally {
      ended.abort();
    }
  }
}

const bytesOf = (members: readonly Member[]): number => members.reduce((sum, { model }) => sum + model.bytes, 0);

const notLoaded = (cause: unknown): ModelNotLoadedError =>
  new ModelNotLoadedError(cause instanceof Error ? cause.message : String(cause), { cause });
