import { TopicValidatorResult } from '@libp2p/gossipsub';
import type { GossipSub, MeshPeer, Message, SubscriptionChangeData } from '@libp2p/gossipsub';
import type { Connection, Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import { errorCode } from '../../errors.ts';
import type { PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { ADVERT_INTERVAL_MS, advertSchema, MAX_ADVERT_BYTES } from '../../membership/advert.ts';
import type { Advert } from '../../membership/advert.ts';
import { MIN_ADVERT_GAP_MS } from '../../membership/constants.ts';
import type { PeerRegistryWriter } from '../../membership/peer-registry.ts';
import { decodeMessage, encodeMessage } from '../../wire/codec.ts';
import { peerName } from '../peer-name.ts';
import { EXPIRE_INTERVAL_MS, PUBLISH_RETRY_MS } from './constants.ts';
import { createRollCall, isRollCall } from './roll-call.ts';

/** What this node says of itself; sequence and run are added here. */
export type Presence = Pick<Advert, 'state' | 'kind' | 'models'>;

export interface MembershipComponents {
  readonly pubsub: GossipSub;
  readonly events: TypedEventTarget<Libp2pEvents>;
  readonly self: PeerId;
  readonly registry: PeerRegistryWriter;
  /** Whether a direct connection to the peer stands. */
  isConnected(peer: PeerName): boolean;
  /** Whether it is a relay that this node chose. */
  isRelay(peer: PeerId): boolean;
  readonly clock: Clock;
  readonly logger?: StructuredLogger | undefined;
}

/**
 * Feeds the registry from a cluster's gossip topic, and announces this node there. What the registry does not
 * take (old, too frequent, of a stranger without a connection to a relay) is not forwarded either.
 */
export interface MembershipService {
  start(): void;
  stop(): void;
  /** Announces what `presence` says now, every `ADVERT_INTERVAL_MS` and at every `announce`; null ends that. */
  setPresence(presence: (() => Presence) | null): void;
  /** Says that the presence changed; the advert follows within `MIN_ADVERT_GAP_MS`. */
  announce(): void;
  /** Publishes one last advert at once. */
  leave(last: Presence): Promise<void>;
}

export function createMembershipService(
  components: MembershipComponents,
  init: { readonly topic: string; readonly role: 'relay' | 'peer' },
): MembershipService {
  const { pubsub, events, self, registry, isConnected, isRelay, clock, logger } = components;
  const { topic, role } = init;
  const run = clock.now();
  const stopped = new AbortController();
  let sequence = 0;
  let presence: (() => Presence) | null = null;
  let changed = Promise.withResolvers<void>();

  const announce = () => changed.resolve();

  const publish = (body: Presence) => send(encodeAdvert({ v: 1, sequence: (sequence += 1), run, ...body }));

  const send = async (message: Uint8Array): Promise<number> => {
    try {
      return (await pubsub.publish(topic, message)).recipients.length;
    } catch (error) {
      logger?.debug({ code: errorCode(error), message: String(error) }, 'not published');
      return 0;
    }
  };

  const rollCall = createRollCall({ clock, peers: () => registry.peers().length, publish: send });

  const pause = (ms: number) => clock.sleep(ms, stopped.signal);

  const publishLoop = async () => {
    while (!stopped.signal.aborted) {
      let waitMs = ADVERT_INTERVAL_MS;
      changed = Promise.withResolvers();
      if (presence !== null) {
        const reached = await publish(presence());
        if (reached === 0) waitMs = PUBLISH_RETRY_MS;
        await pause(MIN_ADVERT_GAP_MS);
      }
      const interval = new AbortController();
      await Promise.race([
        clock.sleep(waitMs, AbortSignal.any([interval.signal, stopped.signal])),
        changed.promise,
      ]).finally(() => interval.abort());
    }
  };
  const expireLoop = async () => {
    while (!stopped.signal.aborted) {
      await pause(EXPIRE_INTERVAL_MS);
      registry.expire();
    }
  };
  const untilStopped = (loop: Promise<unknown>) =>
    loop.catch((error: unknown) => {
      if (!stopped.signal.aborted) throw error;
    });

  const validate = (_source: PeerId, message: Message): TopicValidatorResult => {
    if (message.type !== 'signed') return TopicValidatorResult.Reject;
    if (message.from.equals(self)) return TopicValidatorResult.Ignore;
    if (isRollCall(message.data)) {
      // Not passed on: a relay says it to each of its peers itself.
      if (isRelay(message.from)) announce();
      return TopicValidatorResult.Ignore;
    }
    let advert: Advert;
    try {
      advert = decodeMessage(advertSchema, message.data, MAX_ADVERT_BYTES);
    } catch {
      return TopicValidatorResult.Reject; // typed by the codec; the sender's score is the answer
    }
    const outcome = registry.offer(peerName(message.from), advert);
    return outcome === 'accepted' ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore;
  };
  const onClose = ({ detail: { remotePeer, limits } }: CustomEvent<Connection>) => {
    const name = peerName(remotePeer);
    // A relayed connection ends for many reasons, the best of which is that a direct one stands.
    if (limits === undefined && !isConnected(name)) registry.forget(name);
  };
  const onSubscription = (event: CustomEvent<SubscriptionChangeData>) => {
    const joined = event.detail.subscriptions.some((change) => change.topic === topic && change.subscribe);
    if (!joined) return;
    announce();
    rollCall.wanted();
  };

  /** Who comes into the mesh hears from now on what is passed on, and may have joined before the last roll call. */
  const onGraft = ({ detail }: CustomEvent<MeshPeer>) => {
    if (detail.topic === topic) rollCall.wanted();
  };

  return {
    start() {
      pubsub.topicValidators.set(topic, validate);
      pubsub.addEventListener('subscription-change', onSubscription);
      pubsub.addEventListener('gossipsub:graft', onGraft);
      events.addEventListener('connection:close', onClose);
      pubsub.subscribe(topic);
      void untilStopped(publishLoop());
      void untilStopped(expireLoop());
      if (role === 'relay') void untilStopped(rollCall.run(stopped.signal));
    },
    stop() {
      stopped.abort();
      pubsub.removeEventListener('subscription-change', onSubscription);
      pubsub.removeEventListener('gossipsub:graft', onGraft);
      events.removeEventListener('connection:close', onClose);
    },
    setPresence(next) {
      presence = next;
      announce();
    },
    announce,
    async leave(last) {
      presence = null;
      await publish(last);
    },
  };
}

/** The advert's bytes, with as many of its models as `MAX_ADVERT_BYTES` hold. */
export function encodeAdvert(advert: Advert): Uint8Array {
  for (let count = advert.models.length; ; count -= 1) {
    const bytes = encodeMessage({ ...advert, models: advert.models.slice(0, count) });
    if (bytes.byteLength <= MAX_ADVERT_BYTES || count === 0) return bytes;
  }
}
