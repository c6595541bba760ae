import { checkPromptChars, messageChars, systemClock, toWire, tokenPiece } from '@opengateway/core';
import { wrap } from 'comlink';
import { keepErrorsTyped } from '../worker/error-transfer.ts';
import { MAX_ENCODE_MS, MAX_QUEUED_CHARS, MAX_QUEUED_ENCODES, MAX_TEXT_LOAD_MS } from './constants.ts';
import { TextBusyError, TextTimeoutError, TextWorkerLostError } from './errors.ts';
import type { Clock, TextCodec } from '@opengateway/core';
import type { Remote } from 'comlink';
import type { EngineWorkerHandle } from '../worker/engine-client.ts';
import type { LoadedText, TextModel, TextWorkerApi } from './api.ts';

/** A model's text side whose encoding runs in a worker of its own. */
export interface TextClient extends TextCodec {
  /** Ends the worker; what waits fails with `text_worker_lost`. */
  close(): Promise<void>;
}

export interface TextClientComponents {
  readonly spawn: () => EngineWorkerHandle;
  /** @default systemClock */
  readonly clock?: Clock;
}

interface Job {
  readonly chars: number;
  readonly signal: AbortSignal | undefined;
  readonly work: (api: Remote<TextWorkerApi>) => Promise<number[]>;
  readonly settle: PromiseWithResolvers<number[]>;
}

interface RunningWorker {
  readonly handle: EngineWorkerHandle;
  readonly api: Remote<TextWorkerApi>;
  /** Told once, when the worker is lost; only calls under way are in it. */
  readonly onLost: Set<(error: Error) => void>;
}

/**
 * Starts the worker and loads the model's tokenizer in it.
 *
 * Prompts are encoded one after the other. One that exceeds `MAX_ENCODE_MS` fails with `text_timeout` and
 * its worker is replaced; those that wait go on with the new one.
 *
 * @throws `unsupported_tokenizer`, `text_timeout`, `text_worker_lost`, what the weights' source throws.
 */
export async function createTextClientFor(model: TextModel, components: TextClientComponents): Promise<TextClient> {
  keepErrorsTyped();
  const { spawn, clock = systemClock } = components;
  const slot = new TextWorkerSlot(model, spawn, clock);
  const { pieces, longestTokenChars } = await slot.start();
  const { manifest } = model;
  const { contextLength, vocabularySize } = manifest.architecture;
  const bounds = { contextLength, longestTokenChars };
  return {
    vocabularySize,
    contextLength,
    endTokens: manifest.tokenizer.endTokens,
    async encodeChat(messages, { signal } = {}) {
      const chars = messageChars(messages);
      checkPromptChars(chars, bounds);
      return slot.encode(chars, (api) => api.encodeChat(messages), signal);
    },
    async encodeText(text, { signal } = {}) {
      checkPromptChars(text.length, bounds);
      return slot.encode(text.length, (api) => api.encodeText(text), signal);
    },
    tokenBytes: (token) => tokenPiece(pieces, token),
    close: () => slot.close(),
  };
}

/** One worker at a time, replaced when it is lost or hangs, and the prompts that wait for it. */
class TextWorkerSlot {
  readonly #model: TextModel;
  readonly #spawn: () => EngineWorkerHandle;
  readonly #clock: Clock;
  readonly #queue: Job[] = [];
  #queuedChars = 0;
  #worker: RunningWorker | null = null;
  #busy = false;
  #closed = false;

  constructor(model: TextModel, spawn: () => EngineWorkerHandle, clock: Clock) {
    this.#model = model;
    this.#spawn = spawn;
    this.#clock = clock;
  }

  async start(): Promise<LoadedText> {
    const worker = this.#open();
    try {
      return await this.#within(worker, worker.api.load(this.#model), 'Loading the tokenizer', MAX_TEXT_LOAD_MS);
    } catch (error) {
      // A worker without a tokenizer is of no use; the next prompt tries with another.
      await this.#lose(worker, new TextWorkerLostError('it could not load the tokenizer.', { cause: error }));
      throw error;
    }
  }

  async encode(chars: number, work: Job['work'], signal: AbortSignal | undefined): Promise<number[]> {
    signal?.throwIfAborted();
    if (this.#closed) throw new TextWorkerLostError('it was closed.');
    if (this.#queue.length >= MAX_QUEUED_ENCODES || this.#queuedChars + chars > MAX_QUEUED_CHARS) {
      throw new TextBusyError();
    }
    const job: Job = { chars, work, signal, settle: Promise.withResolvers() };
    const abort = () => {
      this.#take(job);
      job.settle.reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#queue.push(job);
    this.#queuedChars += chars;
    void this.#run();
    try {
      return await job.settle.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const gone = new TextWorkerLostError('it was closed.');
    for (const job of this.#queue.splice(0)) job.settle.reject(gone);
    this.#queuedChars = 0;
    if (this.#worker !== null) await this.#lose(this.#worker, gone);
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      this.#take(job);
      try {
        if (this.#worker === null) await this.start();
        // A closed slot has no queue left, so a worker that just started is still here.
        const worker = this.#worker as RunningWorker | null;
        if (worker === null) throw new TextWorkerLostError('it was closed.');
        job.settle.resolve(await this.#within(worker, job.work(worker.api), 'Tokenizing the prompt', MAX_ENCODE_MS));
      } catch (error) {
        job.settle.reject(error);
      }
    }
    this.#busy = false;
  }

  #take(job: Job): void {
    const place = this.#queue.indexOf(job);
    if (place < 0) return;
    this.#queue.splice(place, 1);
    this.#queuedChars -= job.chars;
  }

  #open(): RunningWorker {
    const handle = this.#spawn();
    const worker: RunningWorker = {
      handle,
      api: wrap<TextWorkerApi>(handle.endpoint),
      onLost: new Set(),
    };
    handle.onFailure((cause) => void this.#lose(worker, new TextWorkerLostError(toWire(cause).message, { cause })));
    this.#worker = worker;
    return worker;
  }

  async #lose(worker: RunningWorker, error: Error): Promise<void> {
    if (this.#worker === worker) this.#worker = null;
    for (const tell of worker.onLost) tell(error);
    worker.onLost.clear();
    await worker.handle.terminate();
  }

  /** The work's outcome, unless the worker is lost first or the time is up, which ends the worker. */
  async #within<Result>(worker: RunningWorker, work: Promise<Result>, what: string, limitMs: number): Promise<Result> {
    const done = new AbortController();
    const timer = this.#clock.sleep(limitMs, done.signal).then(
      () => this.#lose(worker, new TextTimeoutError(what, limitMs)),
      () => undefined,
    );
    // One promise per call: one that lived as long as the worker would keep every call's tokens.
    const { promise: lost, reject } = Promise.withResolvers<never>();
    worker.onLost.add(reject);
    try {
      return await Promise.race([work, lost]);
    } finally {
      worker.onLost.delete(reject);
      done.abort();
      await timer;
    }
  }
}
