import type { Clock } from '../clock.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { MeasuredCoordinator } from '../inference/coordinator.ts';
import type { Generator } from '../inference/generator.ts';
import type { Tier } from '../capability/tiers.ts';
import type { HiddenFormat, LayerRunner, ModelShape } from '../inference/layer-runner.ts';
import type { StructuredLogger } from '../inference/logger.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerRegistry } from '../membership/peer-view.ts';
import type { WeightsExchange } from '../weights/types.ts';
import type { OpenGatewayNode } from './node.ts';
import type { AnsweredModel, OtherRelay } from './relays/relay-directory.ts';
import type { RelayPlace } from './relays/relay-place.ts';

/** What a contributor lends to the network. */
export interface ServeInit {
  /** Computes the answers; sees only requests that passed validation. */
  readonly generator: Generator;
  /** Computes this device's layers of answers that several stages share. @default only whole models are served */
  readonly part?: { readonly runner: LayerRunner; shape(): ModelShape | undefined };
  /** What is served now, with its free places; read at every advert. Empty announces nothing to use. */
  served(): readonly ServedModel[];
  readonly kind: 'tab' | 'node';
  /** Clusters to announce this device in. @default those that are heard */
  tiers?(): readonly Tier[];
  /** Announces `loading` until `ready`: nothing is answered before. @default false */
  readonly loading?: boolean;
}

/** One contributor's presence on the network. At most one per `Network` at a time. */
export interface ServingHandle {
  /** Says that `served()` changed; the advert follows within `MIN_ADVERT_GAP_MS`. Cheap: call it at every change. */
  announce(): void;
  /** What was loading is there. */
  ready(): void;
  /** Announces `paused`: running answers finish, new ones are refused. */
  pause(): void;
  resume(): void;
  /** Announces `leaving`, hands running answers over to other peers, ends what is left. Idempotent. */
  leave(): Promise<void>;
  /** Sessions of other peers running here now. */
  sessions(): number;
}

export interface NetworkInit {
  /**
   * A `relay` listens on loopback for its HTTP server to pipe upgrades to, and is the go-between of its peers;
   * a `peer` dials the relay and, by way of it, other peers.
   */
  readonly role: 'relay' | 'peer';
  readonly region: string;
  /** Persistent identity, as `generatePrivateKey` makes it. @default a fresh one */
  readonly privateKey?: Uint8Array;
  /** Multiaddrs to listen on. @default loopback WebSockets, any port, for a relay; for a peer WebRTC by way of its relay */
  readonly listen?: readonly string[];
  /** Of what the stages of this coordinator's chains send each other. @default 'f16' */
  readonly hiddenFormat?: HiddenFormat;
  /**
   * Relays of any region, nearest first, to find more by, or what finds them (`GET /bootstrap`): a peer stays linked
   * to several of its region, a relay gets to know all it can.
   */
  readonly relays?: readonly RelayPlace[] | (() => Promise<readonly RelayPlace[]>);
  /** Clusters of the region whose members this node knows. @default all */
  readonly tiers?: readonly Tier[];
  /**
   * Of a relay: the addresses others reach it by, read whenever they are told; undefined: those it listens on.
   * @default those it listens on
   */
  readonly announce?: () => readonly string[] | undefined;
  /** Of a relay: the models that can be answered with there, for other relays. @default none */
  readonly answered?: () => readonly AnsweredModel[];
  /** Of a relay: models to look for at others. @default none */
  readonly sought?: () => readonly ManifestHash[];
  /** What is sent of weights to all peers together. @default DEFAULT_UPLOAD_BYTES_PER_SECOND */
  readonly uploadBytesPerSecond?: number;
  /** STUN and TURN servers for direct connections, as `/bootstrap` names them. @default none */
  readonly iceServers?: readonly string[] | undefined;
}

export interface NetworkComponents {
  readonly clock?: Clock;
  /** Uniform in [0, 1). @default Math.random */
  random?(): number;
  readonly logger?: StructuredLogger;
}

/**
 * One node of the network with everything on it: membership, the inference protocol, a coordinator.
 *
 * The coordinator also uses what this very node serves (`serve`), with no network in between.
 */
export interface Network {
  readonly peer: PeerName;
  readonly region: string;
  readonly node: OpenGatewayNode;
  readonly registry: PeerRegistry;
  readonly coordinator: MeasuredCoordinator;
  /** Trades chunks of models with peers over direct connections; at a relay with nobody. */
  readonly weights: WeightsExchange;
  /** Whether a link to a relay stands (always false for a relay). */
  relayConnected(): boolean;
  /** The relays of the region this peer is linked to; none at a relay. */
  linkedRelays(): readonly PeerName[];
  /** Calls `listener` when a link to a relay comes or goes; returns what ends that. */
  onRelayChange(listener: (connected: boolean) => void): () => void;
  /** Other relays, as they described themselves a moment ago; none at a peer. */
  otherRelays(): readonly OtherRelay[];
  /** Addresses others can dial, each ending in `/p2p/<peer>`. */
  multiaddrs(): readonly string[];
  /** Bytes that went from peer to peer through this relay, without what set connections up; 0 at a peer. */
  relayedBytes(): number;
  /** Peers that others can reach through this relay now; 0 at a peer. */
  reservations(): number;
  /** Answers requests of other peers. @throws `already_serving` */
  serve(init: ServeInit): ServingHandle;
  start(): Promise<void>;
  /** Announces `leaving`, ends running sessions, closes every connection. */
  stop(): Promise<void>;
}

export type CreateNetwork = (components: NetworkComponents, init: NetworkInit) => Promise<Network>;
