import type { CatalogEntry, Contributor, PeerRegistry, PeerView } from '@opengateway/core';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';

/** This tab as a node of the network. Implemented in `site-node.ts`, which is loaded only when wanted. */
export interface SiteNode {
  readonly peer: string;
  /** The others. */
  readonly registry: PeerRegistry;
  readonly contributor: Contributor;
  /** This tab as the others see it; null while it serves nothing. */
  self(): PeerView | null;
  relayConnected(): boolean;
  /** Calls `listener` when the link to the relay comes or goes; returns what ends that. */
  onRelayChange(listener: (connected: boolean) => void): () => void;
  /** Answers with the model loaded in this tab, without the network. */
  answer(request: AnswerRequest, entry: CatalogEntry, options: { signal: AbortSignal }): AsyncIterable<AnswerEvent>;
  stop(): Promise<void>;
}
