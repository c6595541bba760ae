import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { BootstrapDocument, Clock } from '@opengateway/core';
import { LISTENING_MS } from '../constants.ts';
import { appendTimeline, diffPeers } from './timeline.ts';
import { toRow } from './peer-rows.ts';
import type { SiteNode } from '../node/types.ts';
import type { PeerRow } from './peer-rows.ts';
import type { RelayState } from './relay-state.ts';
import type { TimelineEvent } from './timeline.ts';

export type JoinPhase = 'off' | 'joining' | 'joined' | 'failed';

/** This tab's membership of the network. */
export interface NodeState {
  readonly phase: ReadonlySignal<JoinPhase>;
  readonly node: ReadonlySignal<SiteNode | null>;
  readonly relayConnected: ReadonlySignal<boolean>;
  /** Peer names of the relays this tab is linked to. */
  readonly relays: ReadonlySignal<readonly string[]>;
  readonly peers: ReadonlySignal<readonly PeerRow[]>;
  /** Whether the peers are known: one was heard, or nobody was for `LISTENING_MS`. */
  readonly heard: ReadonlySignal<boolean>;
  /** Whether this tab has listened for `LISTENING_MS`: by then every peer has spoken. */
  readonly settled: ReadonlySignal<boolean>;
  readonly timeline: ReadonlySignal<readonly TimelineEvent[]>;
  readonly problem: ReadonlySignal<string | null>;
  /** Joins once; later calls share the same node. @throws what joining throws. */
  join(): Promise<SiteNode>;
  /** Leaves the network, so that the next join is a new one; waits for one that is under way. */
  leave(): Promise<void>;
}

export type LoadNode = (bootstrap: BootstrapDocument) => Promise<SiteNode>;

/** `load` brings in libp2p and dials; it is not called before the first `join`. */
export function createNodeState(components: {
  relay: Pick<RelayState, 'whenReachable'>;
  load: LoadNode;
  clock: Clock;
}): NodeState {
  const { relay, load, clock } = components;
  const now = () => clock.now();
  const phase = signal<JoinPhase>('off');
  const node = signal<SiteNode | null>(null);
  const relayConnected = signal(false);
  const relays = signal<readonly string[]>([]);
  const peers = signal<readonly PeerRow[]>([]);
  const settled = signal(false);
  const timeline = signal<readonly TimelineEvent[]>([]);
  const problem = signal<string | null>(null);
  let joining: Promise<SiteNode> | null = null;
  let endWatch: (() => void) | null = null;

  const watch = (joined: SiteNode) => {
    const readPeers = () => {
      const self = joined.self();
      const views = self === null ? joined.registry.peers() : [self, ...joined.registry.peers()];
      const rows = views.map((view) => toRow(view, joined.peer));
      batch(() => {
        timeline.value = appendTimeline(
          timeline.value,
          diffPeers(peers.value, rows, { atMs: now(), listening: !settled.value }),
        );
        peers.value = rows;
      });
    };
    const left = new AbortController();
    const ends = [joined.registry.subscribe(readPeers), joined.contributor.subscribe(readPeers)];
    const endLink = joined.onRelayChange((connected) => {
      relays.value = joined.relays();
      if (connected === relayConnected.value) return;
      batch(() => {
        relayConnected.value = connected;
        const type = connected ? 'relay-back' : 'relay-lost';
        timeline.value = appendTimeline(timeline.value, [{ atMs: now(), type, peer: null, detail: '' }]);
      });
    });
    batch(() => {
      node.value = joined;
      phase.value = 'joined';
      relayConnected.value = joined.relayConnected();
      relays.value = joined.relays();
      readPeers();
    });
    clock.sleep(LISTENING_MS, left.signal).then(
      () => (settled.value = true),
      // It left before.
      () => undefined,
    );
    endWatch = () => {
      left.abort();
      for (const end of [...ends, endLink]) end();
    };
    return joined;
  };

  const start = async () => {
    batch(() => {
      phase.value = 'joining';
      problem.value = null;
    });
    try {
      return watch(await load(await relay.whenReachable()));
    } catch (error) {
      joining = null;
      batch(() => {
        phase.value = 'failed';
        problem.value = error instanceof Error ? error.message : String(error);
      });
      throw error;
    }
  };

  return {
    phase: computed(() => phase.value),
    node: computed(() => node.value),
    relayConnected: computed(() => relayConnected.value),
    relays: computed(() => relays.value),
    heard: computed(() => settled.value || peers.value.length > 0),
    settled: computed(() => settled.value),
    peers: computed(() => peers.value),
    timeline: computed(() => timeline.value),
    problem: computed(() => problem.value),
    join: () => (joining ??= start()),
    async leave() {
      const left = await joining?.catch(() => null);
      joining = null;
      if (!left) return;
      endWatch?.();
      batch(() => {
        phase.value = 'off';
        node.value = null;
        relayConnected.value = false;
        relays.value = [];
        peers.value = [];
        settled.value = false;
        timeline.value = [];
      });
      await left.stop();
    },
  };
}
