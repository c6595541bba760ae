import { raceAbort } from '../wire/race-abort.ts';
import { withDeadline } from '../wire/deadline.ts';
import { BadFrameError } from '../wire/tensor-frame.ts';
import { clampLogprobs } from './clamp-logprobs.ts';
import { GENERATOR_SILENCE_TIMEOUT_MS, LINK_END_GRACE_MS, LINK_TIMEOUT_MS } from './constants.ts';
import { CoordinatorLine } from './coordinator-line.ts';
import type { CoordinatorLineComponents } from './coordinator-line.ts';
import { EngineSilentError, NextStageLostError, PreviousStageLostError, StageBusyError } from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';
import type { LayerEvent, LayerRequest, LayerRunner, LayerSequence, ModelShape } from './layer-runner.ts';
import type { PeerName } from '../ids.ts';
import type { IncomingLink, LinkSequence, OutgoingLink } from './stage-link.ts';
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
  /** Since when the engine owes something and says nothing. */
  #silentMs = 0;
  #incoming: IncomingLink | undefined;
  #outgoing: OutgoingLink | undefined;

  constructor(components: PartSessionComponents, init: PartSessionInit) {
    this.#components = components;
    this.#init = init;
    this.#line = new CoordinatorLine(components, init.credit);
    this.#given = init.isFirst ? init.request.tokenCount : 0;
  }

  /** Resolves when the coordinator said that the answer is complete. @throws why this stage cannot go on */
  async run(): Promise<void> {
    const { runner, stop } = this.#components;
    const control = new AbortController();
    const reading = this.#line.read(control.signal);
    const sequence = runner.run(this.#init.request, { signal: AbortSignal.any([stop.signal, control.signal]) });
    const outgoing = this.#openNext();
    const tasks = [this.#feed(sequence), this.#make(sequence, outgoing), this.#beat(control.signal)];
    let complete = false;
    try {
      await raceAbort(Promise.race([this.#line.finished, ...tasks.map(neverResolving)]), stop.signal);
      complete = true;
      await this.#summarise(sequence);
    } finally {
      control.abort();
      for (const task of tasks) task.catch(() => {}); // the session has its own outcome by now
      outgoing.then((link) => (complete ? link.close() : link.abort())).catch(() => {}); // nothing is left to end
      if (complete) void this.#incoming?.close();
      else this.#incoming?.abort();
      await reading;
    }
  }

  /** Gives the engine what the stage before sends. */
  async #feed(sequence: LayerSequence): Promise<void> {
    const { signal } = this.#components.stop;
    const incoming = await this.#acceptPrevious();
    for (;;) {
      const input = await this.#receive(incoming, signal);
      this.#silentMs = 0;
      this.#given += input.type === 'hidden' ? input.count : 1;
      await raceAbort(sequence.give(input), signal);
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
  async #make(sequence: LayerSequence, opening: Promise<OutgoingLink>): Promise<void> {
    const { isLast } = this.#init;
    const { signal } = this.#components.stop;
    for await (const event of sequence.events) {
      signal.throwIfAborted();
      this.#silentMs = 0;
      if (event.type === 'progress' && event.state === 'queued') throw new StageBusyError('Every place is taken.');
      const outgoing = this.#outgoing ?? (await opening);
      this.#outgoing = outgoing;
      if (!this.#accepted) {
        this.#accepted = true;
        await this.#line.send({ type: 'accepted', hop: { rttMs: outgoing.rttMs, direct: outgoing.direct } });
      }
      await this.#pass(event, outgoing);
      if (event.type === 'end') return;
      if (event.type === 'token') await this.#line.waitForCredit();
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
    const { signal } = this.#components.stop;
    try {
      await outgoing.send(input, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new NextStageLostError({ cause: error });
    }
  }

  #progress() {
    const { tokenCount } = this.#init.request;
    const state = this.#done < tokenCount ? 'prefill' : 'decode';
    return { type: 'progress', state, done: this.#done, total: tokenCount } as const;
  }

  /** Says every `HEARTBEAT_MS` that this side lives and how far it is; gives up on an engine that does not. */
  async #beat(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#components.clock.sleep(HEARTBEAT_MS, signal);
      const owes = this.#done < this.#given;
      this.#silentMs = owes ? this.#silentMs + HEARTBEAT_MS : 0;
      if (this.#silentMs >= GENERATOR_SILENCE_TIMEOUT_MS) throw new EngineSilentError();
      if (this.#accepted) await this.#line.send(this.#progress());
    }
  }

  async #summarise(sequence: LayerSequence): Promise<void> {
    const sentBytes = this.#outgoing?.sentBytes ?? 0;
    const { prefillMs, decodeMs, decodeSteps } = sequence.timing();
    await this.#line.send({ type: 'summary', prefillMs, decodeMs, decodeSteps, sentBytes });
  }

  async #openNext(): Promise<OutgoingLink> {
    const { links } = this.#components;
    const { next, key, isLast } = this.#init;
    return this.#within(
      (signal) => links.open(next, key, this.#sequence(isLast ? 'token' : 'hidden'), { signal }),
      (cause) => new NextStageLostError({ cause }),
    );
  }

  async #acceptPrevious(): Promise<IncomingLink> {
    const { links } = this.#components;
    const { previous, key, isFirst } = this.#init;
    this.#incoming = await this.#within(
      (signal) => links.accept(previous, key, this.#sequence(isFirst ? 'token' : 'hidden'), { signal }),
      (cause) => new PreviousStageLostError({ cause }),
    );
    return this.#incoming;
  }

  async #within<Link>(work: (signal: AbortSignal) => Promise<Link>, lost: (cause: unknown) => Error): Promise<Link> {
    const { clock, stop } = this.#components;
    const options = { clock, ms: LINK_TIMEOUT_MS, error: () => lost(undefined), signal: stop.signal };
    try {
      return await withDeadline(options, (signal) => raceAbort(work(signal), signal));
    } catch (error) {
      stop.signal.throwIfAborted();
      throw lost(error);
    }
  }

  /** Chosen tokens go around from the end of the prompt on, hidden states are of every position. */
  #sequence(carries: LinkSequence['carries']): LinkSequence {
    const { key, shape, request } = this.#init;
    return {
      session: key.session,
      carries,
      hiddenSize: shape.hiddenSize,
      start: carries === 'token' ? request.tokenCount : 0,
      end: request.tokenCount + request.maxTokens,
    };
  }
}

/** Only its failure counts. */
const neverResolving = async (task: Promise<void>): Promise<never> => {
  await task;
  return new Promise(() => {});
};
