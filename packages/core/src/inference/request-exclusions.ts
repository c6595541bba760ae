import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import type { PeerRegistry } from '../membership/peer-view.ts';
import { hopKey } from '../routing/hop-key.ts';
import { MAX_COMPLAINTS } from './constants.ts';

/** A way between two stages that broke, as one end of it says. */
export interface BrokenWay {
  readonly from: PeerName;
  readonly to: PeerName;
  readonly accused: PeerName;
  readonly accuser: PeerName;
}

/** Whom one request goes on without, and for how long. */
export class RequestExclusions {
  readonly #clock: Clock;
  readonly #registry: PeerRegistry;
  /** Peers that failed this request, and when: out until they announce themselves again. */
  readonly #failed = new Map<PeerName, number>();
  /** Ways between two peers that broke in this request, and when: out as long as either end is. */
  readonly #brokenWays = new Map<string, BrokenWay & { readonly atMs: number }>();
  /** How often a peer was part of a way that broke, as its own or its neighbour's word had it. */
  readonly #complaints = new Map<PeerName, number>();
  /** Peers found full since the last wait. */
  readonly #busy = new Set<PeerName>();

  constructor({ clock, registry }: { clock: Clock; registry: PeerRegistry }) {
    this.#clock = clock;
    this.#registry = registry;
  }

  /** Peers that failed this request. */
  get failed(): number {
    return this.#failed.size;
  }

  get anyBusy(): boolean {
    return this.#busy.size > 0;
  }

  noteBusy(peer: PeerName): void {
    this.#busy.add(peer);
  }

  clearBusy(): void {
    this.#busy.clear();
  }

  /** Out until it announces itself again. */
  noteFailed(peer: PeerName): void {
    this.#failed.set(peer, this.#clock.now());
  }

  /** Out for good. */
  noteRefused(peer: PeerName): void {
    this.#failed.set(peer, Infinity);
  }

  /** The accused is out, though either end may be at fault: whoever is at a broken way's end again and again is not asked any more. */
  noteBrokenWay(way: BrokenWay): void {
    const atMs = this.#clock.now();
    this.#brokenWays.set(hopKey(way.from, way.to), { ...way, atMs });
    this.#failed.set(way.accused, atMs);
    for (const peer of [way.accused, way.accuser]) {
      const complaints = (this.#complaints.get(peer) ?? 0) + 1;
      this.#complaints.set(peer, complaints);
      if (complaints > MAX_COMPLAINTS) this.noteRefused(peer);
    }
  }

  /** Its word counts for nothing any more: those that failed by it alone may be asked again, it may not. */
  disbelieve(accuser: PeerName): void {
    for (const way of this.#brokenWays.values()) {
      if (way.accuser === accuser && this.#failed.get(way.accused) === way.atMs) this.#failed.delete(way.accused);
    }
    if (this.#failed.get(accuser) !== Infinity) this.noteFailed(accuser);
  }

  /** Peers not to be asked now. */
  peers(): Set<PeerName> {
    const excluded = new Set(this.#busy);
    for (const [peer, failedMs] of this.#failed) if (!this.#announcedAfter(peer, failedMs)) excluded.add(peer);
    return excluded;
  }

  /** Ways not to be used now, by `hopKey`. */
  hops(): Set<string> {
    const excluded = new Set<string>();
    for (const [key, { from, to, atMs }] of this.#brokenWays) {
      if (!this.#announcedAfter(from, atMs) || !this.#announcedAfter(to, atMs)) excluded.add(key);
    }
    return excluded;
  }

  #announcedAfter(peer: PeerName, ms: number): boolean {
    return (this.#registry.get(peer)?.lastSeenMs ?? 0) > ms;
  }
}
