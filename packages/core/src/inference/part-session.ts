import { raceAbort } from '../wire/race-abort.ts';
import { BadFrameError } from '../wire/tensor-frame.ts';
import { clampLogprobs } from './clamp-logprobs.ts';
import { LINK_END_GRACE_MS } from './constants.ts';
import { CoordinatorLine } from './coordinator-line.ts';
import type { CoordinatorLineComponents } from './coordinator-line.ts';
import { EngineSilentError, NextStageLostError, PreviousStageLostError, StageBusyError } from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';
import type { LayerEvent, LayerRequest, LayerRunner, LayerSequence, ModelShape } from './layer-runner.ts';
import type { PeerName } from '../ids.ts';
import { PartWaits } from './part-waits.ts';
import type { WaitsFor } from './part-waits.ts';
import { PartWays } from './part-ways.ts';
import type { IncomingLink, OutgoingLink } from './stage-link.ts';
import type { LinkKey, StageLinks } from './stage-links.ts';

export interface PartSessionComponents extends CoordinatorLineComponents {
  readonly runner: LayerRunner;
  readonly links: StageLinks;
}

/** One session of a chain as one stage is to serve it. */
export interface PartSessionInit {
  readonly request: LayerRequest;
  readonly key: LinkKey;
  readonly shape: ModelShape;
  readonly previous: PeerName;
  readonly next: PeerName;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly credit: number;
}

/** The part of a session in which a stage of a chain works: neighbours on both sides, the coordinator above. */
export class PartSession {
  readonly #components: PartSessionComponents;
  readonly #init: PartSessionInit;
  readonly #line: CoordinatorLine;
  #accepted = false;
  /** Positions computed, and those given; at the first stage the prompt is given from the start. */
  #done = 0;
  #given: number;
  readonly #waits = new PartWaits();
  /** Whom what the engine made is being told to; undefined while it has the turn. */
  #tells: 'next' | 'coordinator' | undefined;
  /** Whether the engine has taken the sequence. */
  #taken = false;
  #outgoing: OutgoingLink | undefined;
  /** Those that are to be reset should the session end now. */
  #ways: PartWays | undefined;
  readonly #control = new AbortController();
  /** Aborted when the session ends, whoever ends it. */
  readonly #signal: AbortSignal;

  constructor(components: PartSessionComponents, init: PartSessionInit) {
    this.#components = components;
    this.#init = init;
    this.#line = new CoordinatorLine(components, init.credit);
    this.#given = init.isFirst ? init.request.tokenCount : 0;
    this.#signal = AbortSignal.any([components.stop.signal, this.#control.signal]);
  }

  /** Resolves when the coordinator said that the answer is complete. @throws why this stage cannot go on */
  async run(): Promise<void> {
    const { runner, stop } = this.#components;
    const reading = this.#line.read(this.#control.signal);
    const sequence = runner.run(this.#init.request, { signal: this.#signal });
    const ways = new PartWays(this.#components, this.#init);
    this.#ways = ways;
    const tasks = [this.#feed(sequence, ways), this.#make(sequence, ways), this.#beat()];
    try {
      await raceAbort(Promise.race([this.#line.finished, ...tasks.map(neverResolving)]), stop.signal);
      this.#ways = undefined;
      ways.close();
      await this.#summarise(sequence);
    } finally {
      this.#control.abort();
      for (const task of tasks) task.catch(() => {}); // the session has its own outcome by now
      await reading;
    }
  }

  /**
   * Resets the ways of a session that did not end in order. Its neighbours notice and complain, so that the
   * coordinator must have been told before what really happened.
   */
  release(): void {
    this.#ways?.abort();
  }

  /** Gives the engine what the stage before sends. */
  async #feed(sequence: LayerSequence, ways: PartWays): Promise<void> {
    const incoming = await raceAbort(ways.previous, this.#signal);
    for (;;) {
      const input = await this.#receive(incoming, this.#signal);
      this.#waits.moved();
      this.#given += input.type === 'hidden' ? input.count : 1;
      await raceAbort(sequence.give(input), this.#signal);
    }
  }

  async #receive(incoming: IncomingLink, signal: AbortSignal) {
    try {
      const input = await incoming.receive({ signal });
      if (input !== undefined) return input;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BadFrameError) throw error;
      throw new PreviousStageLostError({ cause: error });
    }
    // It may have been told that the answer is complete a moment before this stage is.
    await this.#components.clock.sleep(LINK_END_GRACE_MS, signal);
    throw new PreviousStageLostError();
  }

  /** Passes on what the engine makes. */
  async #make(sequence: LayerSequence, ways: PartWays): Promise<void> {
    const { isLast } = this.#init;
    for await (const event of sequence.events) {
      this.#signal.throwIfAborted();
      this.#waits.moved();
      this.#taken = true;
      this.#tells = 'coordinator';
      if (event.type === 'progress' && event.state === 'queued') throw new StageBusyError('Every place is taken.');
      const outgoing = this.#outgoing ?? (await raceAbort(ways.next, this.#signal));
      this.#outgoing = outgoing;
      if (!this.#accepted) {
        this.#accepted = true;
        await this.#line.send({ type: 'accepted', hop: { rttMs: outgoing.rttMs, direct: outgoing.direct } });
      }
      await this.#pass(event, outgoing);
      if (event.type === 'end') return this.#line.waitForFinish();
      if (event.type === 'token') await this.#line.waitForCredit();
      this.#tells = undefined;
    }
    if (isLast) throw new EngineSilentError();
  }

  async #pass(event: LayerEvent, outgoing: OutgoingLink): Promise<void> {
    const { isLast, request } = this.#init;
    switch (event.type) {
      case 'hidden':
        this.#done = event.position + event.count;
        return this.#send(outgoing, event);
      case 'token': {
        this.#done = event.position;
        const { position, token, logprobs } = event;
        // The ring before the coordinator: the next token waits for the one, a reader's eye for the other.
        if (position + 1 < request.tokenCount + request.maxTokens) {
          await this.#send(outgoing, { type: 'token', position, token });
        }
        this.#line.spendCredit();
        const told = logprobs === undefined ? {} : { logprobs: clampLogprobs(logprobs) };
        return this.#line.send({ type: 'token', token, ...told });
      }
      case 'progress':
        this.#done = Math.max(this.#done, event.done);
        // What the client sees of the prompt is how far the last stage has read it.
        return isLast ? this.#line.send(this.#progress()) : undefined;
      case 'end':
        return this.#line.send(event);
      default:
        return event satisfies never;
    }
  }

  async #send(outgoing: OutgoingLink, input: Parameters<OutgoingLink['send']>[0]): Promise<void> {
    this.#tells = 'next';
    try {
      await outgoing.send(input, { signal: this.#signal });
      this.#tells = 'coordinator';
      this.#waits.moved();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new NextStageLostError({ cause: error });
    }
  }

  #progress() {
    const { tokenCount } = this.#init.request;
    const state = this.#done < tokenCount ? 'prefill' : 'decode';
    return { type: 'progress', state, done: this.#done, total: tokenCount } as const;
  }

  /** Says every `HEARTBEAT_MS` that this side lives and how far it is; gives up on who does not get on. */
  async #beat(): Promise<void> {
    for (;;) {
      await this.#components.clock.sleep(HEARTBEAT_MS, this.#signal);
      this.#waits.beat(this.#waitsFor(), this.#given <= this.#init.request.tokenCount);
      if (this.#accepted) await this.#line.send(this.#progress());
    }
  }

  #waitsFor(): WaitsFor {
    if (this.#tells !== undefined) return this.#tells;
    return this.#taken && this.#done >= this.#given ? 'previous' : 'engine';
  }

  async #summarise(sequence: LayerSequence): Promise<void> {
    const sentBytes = this.#outgoing?.sentBytes ?? 0;
    const { prefillMs, decodeMs, decodeSteps } = sequence.timing();
    await this.#line.send({ type: 'summary', prefillMs, decodeMs, decodeSteps, sentBytes });
  }
}

/** Only its failure counts. */
const neverResolving = async (task: Promise<void>): Promise<never> => {
  await task;
  return new Promise(() => {});
};
