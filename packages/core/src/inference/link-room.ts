import type { PeerName } from '../ids.ts';
import { ProtocolViolationError } from './errors.ts';

export interface LinkRoomInit {
  /** Streams that wait here at once, in all and of one peer. */
  readonly most: number;
  readonly mostPerPeer: number;
  /** Whether a session that is open here names the peer as its neighbour: strangers make room for it. */
  isNamed(peer: PeerName): boolean;
}

interface Waiting {
  readonly peer: PeerName;
  evict(): void;
}

/**
 * Streams that wait, a bounded number of them. When all places are taken, whoever holds the most gives up the one it
 * has held longest: a few strangers with many streams keep nobody out.
 */
export class LinkRoom {
  readonly #init: LinkRoomInit;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  constructor(init: LinkRoomInit) {
    this.#init = init;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Takes a place; whoever has to leave for it is told by its `evict`. Returns how to leave. Idempotent.
   *
   * @throws `protocol_violation` where there is no place for this peer
   */
  enter(peer: PeerName, evict: () => void): () => void {
    if (this.#held(peer) >= this.#init.mostPerPeer) throw new ProtocolViolationError('Too many ways are being opened.');
    if (this.#waiting.size >= this.#init.most) this.#makeRoomFor(peer);
    const waiting = { peer, evict };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  #held(peer: PeerName): number {
    let held = 0;
    for (const waiting of this.#waiting) if (waiting.peer === peer) held += 1;
    return held;
  }

  #makeRoomFor(newcomer: PeerName): void {
    const { isNamed } = this.#init;
    const leaves = this.#oldestOfMost((peer) => !isNamed(peer)) ?? this.#oldestOfMost(() => true);
    if (leaves === undefined || !this.#mayDisplace(newcomer, leaves.peer)) {
      throw new ProtocolViolationError('Too many ways wait for their session.');
    }
    this.#waiting.delete(leaves);
    leaves.evict();
  }

  #mayDisplace(newcomer: PeerName, holder: PeerName): boolean {
    const { isNamed } = this.#init;
    if (isNamed(newcomer) !== isNamed(holder)) return isNamed(newcomer);
    return this.#held(holder) > this.#held(newcomer);
  }

  /** What has waited longest of the peer that holds the most. */
  #oldestOfMost(counts: (peer: PeerName) => boolean): Waiting | undefined {
    const held = new Map<PeerName, number>();
    for (const { peer } of this.#waiting) if (counts(peer)) held.set(peer, (held.get(peer) ?? 0) + 1);
    const most = Math.max(...held.values());
    return [...this.#waiting].find(({ peer }) => held.get(peer) === most);
  }
}
