import type { CatalogEntry, Contributor, PeerRegistry, PeerView, RoutePlan } from '@opengateway/core';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';

/** The way between this tab and a peer. */
export interface PeerLink {
  /** False where the relay carries what they send each other. */
  readonly direct: boolean;
  /** Null while it has not been measured. */
  readonly rttMs: number | null;
  /** The relay that carries it; null where it is direct. */
  readonly relay: string | null;
}

/** This tab as a node of the network. Implemented in `site-node.ts`, which is loaded only when wanted. */
export interface SiteNode {
  readonly peer: string;
  /** The region it is in. */
  readonly region: string;
  /** The others. */
  readonly registry: PeerRegistry;
  readonly contributor: Contributor;
  /** This tab as the others see it; null while it serves nothing. */
  self(): PeerView | null;
  relayConnected(): boolean;
  /** Calls `listener` when the link to the relay comes or goes; returns what ends that. */
  onRelayChange(listener: (connected: boolean) => void): () => void;
  /** Peer names of the relays it is linked to now. */
  relays(): readonly string[];
  /** Weights given to other peers since it joined. */
  givenWeights(): { readonly bytes: number; readonly peers: number };
  /** Of what is given to all peers together; 0 gives nothing. */
  setUploadBytesPerSecond(bytesPerSecond: number): void;
  /** The open connection to a peer; null where there is none now. */
  link(peer: string): PeerLink | null;
  /** Who would answer a short question now, were every way `rttMs` there and back. */
  plan(entry: CatalogEntry, rttMs: number): RoutePlan;
  /** Answers with the model loaded in this tab, without the network. */
  answerHere(request: AnswerRequest, entry: CatalogEntry, options: { signal: AbortSignal }): AsyncIterable<AnswerEvent>;
  /** Answers with peers that this tab asks itself, and its own part of the model where it holds one. */
  answerDirect(
    request: AnswerRequest,
    entry: CatalogEntry,
    options: { signal: AbortSignal },
  ): AsyncIterable<AnswerEvent>;
  stop(): Promise<void>;
}
