import type { Stream } from '@libp2p/interface';
import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { MAX_LENGTH_PREFIX_BYTES, MAX_OPEN_BYTES } from '../wire/limits.ts';
import { memoryChannelPair } from '../wire/memory-channel.ts';
import { createMessageChannel } from '../wire/message-channel.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { MAX_SESSIONS, MAX_SESSIONS_PER_PEER } from './constants.ts';
import { StageBusyError, StageLeavingError } from './errors.ts';
import type { Generator } from './generator.ts';
import { openChannelSession } from './remote-session.ts';
import { serveSession } from './serve-session.ts';
import type { ChainComponents } from './serve-session.ts';
import type { SessionRequest, StageSession } from './stage-session.ts';

export interface StageComponents {
  readonly generator: Generator;
  readonly clock: Clock;
  served(): readonly ServedModel[];
  /** What it takes to be one of several stages. @default only whole models are served */
  readonly chain?: ChainComponents | undefined;
}

export interface StageInit {
  /** @default MAX_SESSIONS */
  readonly maxSessions?: number;
  /** @default MAX_SESSIONS_PER_PEER */
  readonly maxSessionsPerPeer?: number;
}

/** The serving side: answers inbound inference streams with this device's generator. */
export interface Stage {
  /** Serves one inbound stream; resolves when nothing of it is left, and never rejects. */
  handle(stream: Stream, peer: PeerName): Promise<void>;
  /** Opens a session of this very device, whose name is `self`. */
  open(request: SessionRequest, self: PeerName, options: { signal: AbortSignal }): Promise<StageSession>;
  /** Sessions running now. */
  sessions(): number;
  pause(): void;
  resume(): void;
  /** Takes no more sessions, tells the running ones that it leaves, resolves when all have ended. */
  drain(): Promise<void>;
}

/**
 * @example
 * const stage = createStage({ generator, clock: systemClock, served: () => [model] });
 * await node.handle(INFERENCE_PROTOCOL, (stream, { remotePeer }) => stage.handle(stream, peerName(remotePeer)));
 */
export function createStage(components: StageComponents, init: StageInit = {}): Stage {
  const { maxSessions = MAX_SESSIONS, maxSessionsPerPeer = MAX_SESSIONS_PER_PEER } = init;
  const running = new Map<AbortController, Running>();
  let accepting = true;

  const sessionsOf = (peer: PeerName) => [...running.values()].filter((session) => session.peer === peer).length;

  const enterChain = (stop: AbortController, slots: number) => {
    const session = running.get(stop);
    const others = [...running.values()].filter(({ peer, inChain }) => inChain && peer === session?.peer).length;
    if (session === undefined || others >= mostInChains(slots)) {
      throw new StageBusyError('The last place is left to other coordinators.');
    }
    session.inChain = true;
  };

  const serve = async (channel: MessageChannel, peer: PeerName): Promise<void> => {
    const full = running.size >= maxSessions || sessionsOf(peer) >= maxSessionsPerPeer;
    const stop = new AbortController();
    if (full) stop.abort(new StageBusyError('Too many sessions are open here.'));
    const ended = serveSession({
      ...components,
      peer,
      channel,
      stop,
      accepting: () => accepting,
      enterChain: (slots) => enterChain(stop, slots),
    });
    if (full) return ended;
    running.set(stop, { peer, ended, inChain: false });
    await ended;
    running.delete(stop);
  };

  return {
    handle: (stream, peer) =>
      serve(createMessageChannel(stream, { readAheadBytes: MAX_OPEN_BYTES + MAX_LENGTH_PREFIX_BYTES }), peer),
    open(request, self, options) {
      const [near, far] = memoryChannelPair();
      void serve(far, self);
      return openChannelSession(near, request, options);
    },
    sessions: () => running.size,
    pause() {
      accepting = false;
    },
    resume() {
      accepting = true;
    },
    async drain() {
      accepting = false;
      const sessions = [...running.entries()];
      for (const [stop] of sessions) stop.abort(new StageLeavingError());
      await Promise.all(sessions.map(([, { ended }]) => ended));
    },
  };
}

interface Running {
  readonly peer: PeerName;
  readonly ended: Promise<void>;
  /** Whether this device computes a part of it, with neighbours. */
  inChain: boolean;
}

/** A part holds its place whether or not its neighbours get on: one coordinator must not be able to hold them all. */
const mostInChains = (slots: number) => Math.max(1, slots - 1);
