import type { Clock } from '../clock.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { LINK_TIMEOUT_MS } from './constants.ts';
import { NextStageLostError, PreviousStageLostError, SessionCancelledError } from './errors.ts';
import type { PartSessionInit } from './part-session.ts';
import type { IncomingLink, LinkSequence, OutgoingLink } from './stage-link.ts';
import type { StageLinks } from './stage-links.ts';

export interface PartWaysComponents {
  readonly links: StageLinks;
  readonly clock: Clock;
}

/**
 * The ways of one stage to both of its neighbours in one session. They outlive the session's work: whoever ends them
 * is noticed by the neighbours.
 */
export class PartWays {
  /** @throws `previous_stage_lost` where it does not come in time */
  readonly previous: Promise<IncomingLink>;
  /** @throws `next_stage_lost` where it does not stand in time */
  readonly next: Promise<OutgoingLink>;
  readonly #givenUp = new AbortController();

  constructor({ links, clock }: PartWaysComponents, init: PartSessionInit) {
    const { previous, next, key, isFirst, isLast } = init;
    this.next = within(
      { clock, signal: this.#givenUp.signal },
      (signal) => links.open(next, key, sequenceOf(init, isLast ? 'token' : 'hidden'), { signal }),
      (cause) => new NextStageLostError({ cause }),
    );
    this.previous = within(
      { clock, signal: this.#givenUp.signal },
      (signal) => links.accept(previous, key, sequenceOf(init, isFirst ? 'token' : 'hidden'), { signal }),
      (cause) => new PreviousStageLostError({ cause }),
    );
    // Whoever waits for a way hears of its failure; nobody may be waiting yet.
    for (const way of [this.next, this.previous]) way.catch(() => {});
  }

  /** Ends those that stand in order, and gives up on the others. */
  close(): void {
    this.#each((way) => way.close());
  }

  /** Resets those that stand, and gives up on the others. */
  abort(): void {
    this.#each((way) => way.abort());
  }

  #each(end: (way: IncomingLink | OutgoingLink) => void): void {
    for (const way of [this.next, this.previous]) way.then(end, () => {}); // one that failed is no more
    this.#givenUp.abort(new SessionCancelledError());
  }
}

/** A way that stands the moment it is given up on is reset. */
async function within<Link extends { abort(): void }>(
  { clock, signal: givenUp }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<Link>,
  lost: (cause: unknown) => Error,
): Promise<Link> {
  let opening: Promise<Link> | undefined;
  try {
    const options = { clock, ms: LINK_TIMEOUT_MS, error: () => lost(undefined), signal: givenUp };
    return await withDeadline(options, (signal) => raceAbort((opening = work(signal)), signal));
  } catch (error) {
    opening?.then(
      (link) => link.abort(),
      () => {}, // nothing stands
    );
    givenUp.throwIfAborted();
    throw lost(error);
  }
}

/** Chosen tokens go around from the end of the prompt on, hidden states are of every position. */
const sequenceOf = ({ key, shape, request }: PartSessionInit, carries: LinkSequence['carries']): LinkSequence => ({
  session: key.session,
  carries,
  hiddenSize: shape.hiddenSize,
  start: carries === 'token' ? request.tokenCount : 0,
  end: request.tokenCount + request.maxTokens,
});
