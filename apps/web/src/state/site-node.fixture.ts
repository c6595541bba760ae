import { IDLE } from '@opengateway/core';
import type {
  CatalogEntry,
  Contributor,
  ContributorSnapshot,
  PeerRegistry,
  PeerView,
  RoutePlan,
} from '@opengateway/core';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { SiteNode } from '../node/types.ts';

export const catalogEntry: CatalogEntry = {
  id: 'tiny',
  name: 'Tiny',
  manifest: 'a'.repeat(64),
  manifestUrl: '/models/tiny/manifest.json',
  bytes: 98_000_000,
  layerCount: 30,
  contextLength: 2048,
  license: 'Apache-2.0',
};

export const snapshotOf = (over: Partial<ContributorSnapshot> = {}): ContributorSnapshot => ({
  ...IDLE,
  sinceMs: 0,
  relayConnected: true,
  ...over,
});

/** A contributor that goes where a test sends it. */
export class FakeContributor implements Contributor {
  readonly calls: string[] = [];
  /** What `start` does after `probing`. @default serves */
  onStart: () => Promise<void> = async () => this.set({ state: 'serving' });
  #snapshot = snapshotOf();
  readonly #listeners = new Set<(snapshot: ContributorSnapshot) => void>();

  set(over: Partial<ContributorSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...over };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }
  snapshot(): ContributorSnapshot {
    return this.#snapshot;
  }
  subscribe(listener: (snapshot: ContributorSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async start({ entry, engine }: Parameters<Contributor['start']>[0]): Promise<void> {
    this.calls.push('start');
    this.set({ state: 'probing', model: entry, engine });
    await this.onStart();
  }
  async pause(): Promise<void> {
    this.calls.push('pause');
    this.set({ state: 'paused' });
  }
  async resume(): Promise<void> {
    this.calls.push('resume');
    this.set({ state: 'serving' });
  }
  setShare(share: number): void {
    this.calls.push(`share ${share}`);
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
    this.set({ state: 'idle', model: null });
  }
  async forget(): Promise<void> {
    this.calls.push('forget');
    this.set({ state: 'idle', storedBytes: 0 });
  }
}

/** A registry and a link that a test moves. */
export class FakeSiteNode implements SiteNode {
  readonly peer = 'SELF';
  readonly region = 'asia';
  /** Linked now. */
  links: readonly string[] = ['RELAY'];
  given = { bytes: 0, peers: 0 };
  readonly uploadLimits: number[] = [];
  stopped = false;
  readonly contributor = new FakeContributor();
  views: PeerView[] = [];
  own: PeerView | null = null;
  readonly #registryListeners = new Set<() => void>();
  readonly #linkListeners = new Set<(connected: boolean) => void>();
  readonly registry: PeerRegistry = {
    peers: () => this.views,
    get: (peer) => this.views.find((view) => view.peer === peer),
    subscribe: (listener) => {
      this.#registryListeners.add(listener);
      return () => this.#registryListeners.delete(listener);
    },
  };

  setViews(views: PeerView[]): void {
    this.views = views;
    for (const listener of this.#registryListeners) listener();
  }
  setLink(connected: boolean): void {
    for (const listener of this.#linkListeners) listener(connected);
  }
  self(): PeerView | null {
    return this.own;
  }
  relayConnected(): boolean {
    return true;
  }
  onRelayChange(listener: (connected: boolean) => void): () => void {
    this.#linkListeners.add(listener);
    return () => this.#linkListeners.delete(listener);
  }
  relays(): readonly string[] {
    return this.links;
  }
  givenWeights(): { bytes: number; peers: number } {
    return this.given;
  }
  setUploadBytesPerSecond(bytesPerSecond: number): void {
    this.uploadLimits.push(bytesPerSecond);
  }
  link(): null {
    return null;
  }
  plan(): RoutePlan {
    return { route: undefined, full: false, reason: 'layers-missing', missing: [], rejections: [] };
  }
  async *answerHere(): AsyncIterable<AnswerEvent> {
    yield { type: 'text-delta', text: 'from this tab' };
    yield { type: 'end', reason: 'stop', promptTokens: 1, completionTokens: 3, failovers: 0 };
  }
  async *answerDirect(_: AnswerRequest, entry: CatalogEntry): AsyncIterable<AnswerEvent> {
    yield { type: 'text-delta', text: `from peers that hold ${entry.id}` };
    yield { type: 'end', reason: 'stop', promptTokens: 1, completionTokens: 3, failovers: 0 };
  }
  async stop(): Promise<void> {
    this.stopped = true;
  }
}
