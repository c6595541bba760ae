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
  MAX_UNASKED_LINK_BYTES,
  PARKED_LINK_TIMEOUT_MS,
} from './constants.ts';
import { ProtocolViolationError, SessionCancelledError } from './errors.ts';
import { LinkRoom } from './link-room.ts';
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
  readonly channel: ByteChannel;
  /** Ends the wait, for who asked for the way. */
  ask(): void;
}

/**
 * A session's first frames may overtake the coordinator's `open`, so ways are kept for a bounded time until they
 * are asked for; those of strangers are reset when it is over.
 */
export function createStageLinks({ clock, openStream }: StageLinksComponents): StageLinks {
  const parked = new Map<string, Parked>();
  const expected = new Map<string, (channel: ByteChannel) => void>();
  /** How many ways of each peer an open session waits for or has. */
  const named = new Map<PeerName, number>();
  const room = {
    most: MAX_PARKED_LINKS,
    mostPerPeer: MAX_PARKED_LINKS_PER_PEER,
    isNamed: (peer: PeerName) => named.has(peer),
  };
  const silent = new LinkRoom(room);
  const unasked = new LinkRoom(room);

  const name = (peer: PeerName) => {
    named.set(peer, (named.get(peer) ?? 0) + 1);
    return () => {
      const left = (named.get(peer) ?? 1) - 1;
      if (left > 0) named.set(peer, left);
      else named.delete(peer);
    };
  };

  /** Reads whose the stream is. */
  const readHello = async (channel: ByteChannel, peer: PeerName) => {
    const leave = silent.enter(peer, () => channel.abort(new ProtocolViolationError('Others need the place.')));
    try {
      return await withDeadline(
        { clock, ms: PARKED_LINK_TIMEOUT_MS, error: () => new ProtocolViolationError('No first message in time.') },
        (signal) => messagesOf(channel).receive(helloSchema, { maxBytes: MAX_LINK_HELLO_BYTES, signal }),
      );
    } finally {
      leave();
    }
  };

  /** Keeps a way until it is asked for. @throws why it is not kept any longer */
  const park = async (key: string, channel: ByteChannel, peer: PeerName) => {
    if (parked.has(key)) throw new ProtocolViolationError('There is such a way already.');
    const leave = unasked.enter(peer, () => channel.abort(new ProtocolViolationError('Others need the place.')));
    const asked = new AbortController();
    parked.set(key, { channel, ask: () => asked.abort(new SessionCancelledError()) });
    try {
      await withDeadline(
        {
          clock,
          ms: PARKED_LINK_TIMEOUT_MS,
          error: () => new ProtocolViolationError('Nobody asked for this way.'),
          signal: asked.signal,
        },
        (signal) => channel.read(atMostOneFrame, { signal }),
      );
      throw new ProtocolViolationError('It ended before anybody asked for it.');
    } catch (error) {
      if (!asked.signal.aborted) throw error;
    } finally {
      leave();
      if (parked.get(key)?.channel === channel) parked.delete(key);
    }
  };

  /** The stream that `key` names, which has come or will. */
  const arrival = async (key: string, signal: AbortSignal): Promise<ByteChannel> => {
    const early = parked.get(key);
    parked.delete(key);
    early?.ask();
    if (early !== undefined) return early.channel;
    const { promise, resolve } = Promise.withResolvers<ByteChannel>();
    expected.set(key, resolve);
    try {
      return await raceAbort(promise, signal);
    } catch (error) {
      // It may have come in the very moment in which it was given up on.
      void promise.then((channel) => channel.abort(new SessionCancelledError()));
      throw error;
    } finally {
      expected.delete(key);
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
      const unname = name(from);
      try {
        const channel = await arrival(linkName(from, key), signal);
        if (channel.ended.aborted) unname();
        channel.ended.addEventListener('abort', unname, { once: true });
        return createIncomingLink(channel, sequence, clock);
      } catch (error) {
        unname();
        throw error;
      }
    },
    async handle(stream, peer) {
      const channel = createByteChannel(stream, { readAheadBytes: LINK_READ_AHEAD_BYTES });
      try {
        const hello = await readHello(channel, peer);
        if (hello === undefined) return await channel.close();
        const { coordinator, session } = hello;
        const key = linkName(peer, { coordinator: coordinator as PeerName, session: session as SessionId });
        const resolve = expected.get(key);
        if (resolve === undefined) await park(key, channel, peer);
        else resolve(channel);
      } catch (error) {
        channel.abort(error instanceof Error ? error : new ProtocolViolationError('Not a way between stages.'));
      }
    },
  };
}

/** One way per session and sender: a chain has no peer twice. */
const linkName = (from: PeerName, { coordinator, session }: LinkKey) => `${from}/${coordinator}/${session}`;

/** For a way that nobody has asked for. @throws where there is more than may be sent before it is */
function atMostOneFrame({ byteLength }: { readonly byteLength: number }): undefined {
  if (byteLength > MAX_UNASKED_LINK_BYTES) throw new ProtocolViolationError('More was sent than a frame.');
}
