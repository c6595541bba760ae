import type { Stream } from '@libp2p/interface';
import * as z from 'zod/mini';
import type { Clock } from '../clock.ts';
import type { PeerName, SessionId } from '../ids.ts';
import { createByteChannel } from '../wire/byte-channel.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import { withDeadline } from '../wire/deadline.ts';
import { MAX_LINK_HELLO_BYTES } from '../wire/limits.ts';
import { messagesOf } from '../wire/message-channel.ts';
import { raceAbort } from '../wire/race-abort.ts';
import {
  LINK_READ_AHEAD_BYTES,
  MAX_PARKED_LINKS,
  MAX_PARKED_LINKS_PER_PEER,
  PARKED_LINK_TIMEOUT_MS,
} from './constants.ts';
import { ProtocolViolationError, SessionCancelledError } from './errors.ts';
import { createIncomingLink, createOutgoingLink } from './stage-link.ts';
import type { IncomingLink, LinkSequence, OutgoingLink } from './stage-link.ts';

/** One libp2p stream per session and pair of neighbours: who sends opens it. */
export const ACTIVATIONS_PROTOCOL = '/opengateway/activations/1.0.0';

/** Whose session it is: a coordinator's word is for its own only. */
export interface LinkKey {
  readonly coordinator: PeerName;
  readonly session: SessionId;
}

/** The ways between this stage and its neighbours. */
export interface StageLinks {
  /** Opens the way to the next stage. @throws what dialling throws */
  open(to: PeerName, key: LinkKey, sequence: LinkSequence, options: { signal: AbortSignal }): Promise<OutgoingLink>;
  /** The way that the stage before opens, or has opened already. */
  accept(from: PeerName, key: LinkKey, sequence: LinkSequence, options: { signal: AbortSignal }): Promise<IncomingLink>;
  /** Takes an inbound stream; one that nobody expects is kept for a while and reset. Never rejects. */
  handle(stream: Stream, peer: PeerName): Promise<void>;
  /** Ways that wait for their session now. */
  parked(): number;
}

/** A stream to a peer, with what is known of the connection below. */
export interface OpenedStream {
  readonly stream: Stream;
  /** False where a relay carries it. */
  readonly direct: boolean;
  readonly rttMs: number;
}

export interface StageLinksComponents {
  readonly clock: Clock;
  openStream(peer: PeerName, options: { signal: AbortSignal }): Promise<OpenedStream>;
}

const helloSchema = z.strictObject({
  v: z.literal(1),
  coordinator: z.string().check(z.regex(/^[A-Za-z0-9]{1,128}$/)),
  session: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
});

interface Parked {
  readonly peer: PeerName;
  readonly channel: ByteChannel;
}

/**
 * A session's first frames may overtake the coordinator's `open`, so ways are kept for a bounded time until they
 * are asked for; those of strangers are reset when it is over.
 */
export function createStageLinks({ clock, openStream }: StageLinksComponents): StageLinks {
  const parked = new Map<string, Parked>();
  const expected = new Map<string, (channel: ByteChannel) => void>();
  const opening = new Map<PeerName, number>();
  let openingInAll = 0;

  const parkedBy = (peer: PeerName) => [...parked.values()].filter((link) => link.peer === peer).length;

  /** Reads whose the stream is. Those that do not say so count against their peer meanwhile. */
  const readHello = async (channel: ByteChannel, peer: PeerName) => {
    const open = opening.get(peer) ?? 0;
    if (open >= MAX_PARKED_LINKS_PER_PEER || openingInAll >= MAX_PARKED_LINKS) {
      throw new ProtocolViolationError('Too many ways are being opened.');
    }
    opening.set(peer, open + 1);
    openingInAll += 1;
    try {
      return await withDeadline(
        { clock, ms: PARKED_LINK_TIMEOUT_MS, error: () => new ProtocolViolationError('No first message in time.') },
        (signal) => messagesOf(channel).receive(helloSchema, { maxBytes: MAX_LINK_HELLO_BYTES, signal }),
      );
    } finally {
      openingInAll -= 1;
      const left = (opening.get(peer) ?? 1) - 1;
      if (left > 0) opening.set(peer, left);
      else opening.delete(peer);
    }
  };

  return {
    parked: () => parked.size,
    async open(to, key, sequence, { signal }) {
      const opened = await openStream(to, { signal });
      const channel = createByteChannel(opened.stream, { readAheadBytes: LINK_READ_AHEAD_BYTES });
      try {
        await messagesOf(channel).send({ v: 1, ...key }, { signal });
      } catch (error) {
        channel.abort(new SessionCancelledError());
        throw error;
      }
      return createOutgoingLink(channel, opened, sequence, clock);
    },
    async accept(from, key, sequence, { signal }) {
      const name = linkName(from, key);
      const early = parked.get(name);
      parked.delete(name);
      if (early !== undefined) return createIncomingLink(early.channel, sequence, clock);
      const { promise, resolve } = Promise.withResolvers<ByteChannel>();
      expected.set(name, resolve);
      try {
        return createIncomingLink(await raceAbort(promise, signal), sequence, clock);
      } catch (error) {
        // It may have come in the very moment in which it was given up on.
        void promise.then((channel) => channel.abort(new SessionCancelledError()));
        throw error;
      } finally {
        expected.delete(name);
      }
    },
    async handle(stream, peer) {
      const channel = createByteChannel(stream, { readAheadBytes: LINK_READ_AHEAD_BYTES });
      try {
        const hello = await readHello(channel, peer);
        if (hello === undefined) return await channel.close();
        const key = { coordinator: hello.coordinator as PeerName, session: hello.session as SessionId };
        const name = linkName(peer, key);
        const resolve = expected.get(name);
        if (resolve !== undefined) return resolve(channel);
        if (parked.has(name) || parked.size >= MAX_PARKED_LINKS || parkedBy(peer) >= MAX_PARKED_LINKS_PER_PEER) {
          throw new ProtocolViolationError('Too many ways that nobody asked for.');
        }
        parked.set(name, { peer, channel });
        await waitUntilEnded(channel, clock);
        if (parked.get(name)?.channel !== channel) return; // it was asked for
        parked.delete(name);
        throw new ProtocolViolationError('Nobody asked for this way.');
      } catch (error) {
        channel.abort(error instanceof Error ? error : new ProtocolViolationError('Not a way between stages.'));
      }
    },
  };
}

/** One way per session and sender: a chain has no peer twice. */
const linkName = (from: PeerName, { coordinator, session }: LinkKey) => `${from}/${coordinator}/${session}`;

/** Resolves when the channel ended or its time to be asked for is over. */
async function waitUntilEnded(channel: ByteChannel, clock: Clock): Promise<void> {
  // Rejects only when the channel ended, which is one of the two things waited for.
  await clock.sleep(PARKED_LINK_TIMEOUT_MS, channel.ended).catch(() => {});
}
