import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { advert, name } from './advert.fixture.ts';
import { createPeerRegistry } from './peer-registry.ts';
import type { PeerRegistryWriter } from './peer-registry.ts';

let clock: FakeClock;
let registry: PeerRegistryWriter;
let changes: number;

beforeEach(() => {
  clock = new FakeClock();
  registry = createPeerRegistry({ clock }, { maxPeers: 3 });
  changes = 0;
  registry.subscribe(() => {
    changes += 1;
  });
});

describe('the peer registry', () => {
  it('keeps the newest advert of a peer and ignores older ones', () => {
    expect(registry.offer(name('a'), advert(2))).toBe('accepted');
    expect(registry.offer(name('a'), advert(1))).toBe('stale');
    expect(registry.offer(name('a'), advert(2))).toBe('stale');
    expect(registry.offer(name('a'), advert(3, { state: 'paused' }))).toBe('accepted');
    expect(registry.get(name('a'))?.advert.state).toBe('paused');
    expect(changes).toBe(2);
  });

  it('takes a restarted peer that counts from the beginning', () => {
    registry.offer(name('a'), advert(50));
    expect(registry.offer(name('a'), advert(1, { run: 2 }))).toBe('accepted');
    expect(registry.offer(name('a'), advert(51))).toBe('stale');
  });

  it('forgets a peer that has been silent for its time to live', async () => {
    registry.offer(name('a'), advert(1));
    await clock.advance(29_999);
    expect(registry.peers()).toHaveLength(1);
    await clock.advance(1);
    expect(registry.peers()).toHaveLength(0);
    expect(registry.get(name('a'))).toBeUndefined();
    registry.expire();
    expect(changes).toBe(2);
  });

  it('forgets a peer that leaves, and no late copy of an advert revives it', () => {
    registry.offer(name('a'), advert(1));
    registry.offer(name('a'), advert(3, { state: 'leaving' }));
    expect(registry.peers()).toHaveLength(0);
    expect(registry.offer(name('a'), advert(2))).toBe('stale');
    expect(registry.offer(name('a'), advert(4))).toBe('accepted');
  });

  it('takes a disconnected peer back with its next advert', () => {
    registry.offer(name('a'), advert(1));
    registry.forget(name('a'));
    expect(registry.offer(name('a'), advert(1))).toBe('stale');
    expect(registry.offer(name('a'), advert(2))).toBe('accepted');
  });

  it('refuses a flood of adverts from one peer until its allowance is back', async () => {
    const outcomes = Array.from({ length: 20 }, (_, index) => registry.offer(name('a'), advert(index + 1)));
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(8);
    expect(outcomes.at(-1)).toBe('too-frequent');
    await clock.advance(1_000);
    expect(registry.offer(name('a'), advert(30))).toBe('accepted');
    expect(registry.offer(name('a'), advert(31, { state: 'leaving' }))).toBe('accepted');
  });

  it('refuses newcomers when full of the living and replaces the one that missed an advert', async () => {
    registry.offer(name('a'), advert(1));
    await clock.advance(6_000);
    registry.offer(name('b'), advert(1));
    registry.offer(name('c'), advert(1));
    expect(registry.offer(name('d'), advert(1))).toBe('full');
    await clock.advance(5_000);
    expect(registry.offer(name('d'), advert(1))).toBe('accepted');
    expect(registry.peers().map(({ peer }) => peer)).toEqual(['b', 'c', 'd']);
  });

  it('gives a connected newcomer the place of one without a connection, and never the other way round', () => {
    const connected = new Set(['real', 'late']);
    registry = createPeerRegistry({ clock, isConnected: (peer) => connected.has(peer) }, { maxPeers: 3 });
    for (const peer of ['real', 'made-up-1', 'made-up-2']) registry.offer(name(peer), advert(1));
    expect(registry.offer(name('made-up-3'), advert(1))).toBe('full');
    expect(registry.offer(name('late'), advert(1))).toBe('accepted');
    expect(registry.peers().map(({ peer }) => peer)).toEqual(['real', 'made-up-2', 'late']);
  });

  it('lets nobody without a connection replace a connected peer, even one that missed an advert', async () => {
    registry = createPeerRegistry({ clock, isConnected: (peer) => peer !== 'made-up' }, { maxPeers: 2 });
    for (const peer of ['a', 'b']) registry.offer(name(peer), advert(1));
    await clock.advance(11_000);
    expect(registry.offer(name('made-up'), advert(1))).toBe('full');
    expect(registry.offer(name('c'), advert(1))).toBe('accepted');
  });

  it('takes and shows only the connected where that is asked for', () => {
    const connected = new Set(['a']);
    registry = createPeerRegistry({ clock, isConnected: (peer) => connected.has(peer) }, { connectedOnly: true });
    expect(registry.offer(name('a'), advert(1))).toBe('accepted');
    expect(registry.offer(name('b'), advert(1))).toBe('unconnected');
    expect(registry.peers().map(({ peer }) => peer)).toEqual(['a']);
    connected.clear();
    expect(registry.peers()).toEqual([]);
    expect(registry.get(name('a'))).toBeUndefined();
  });

  it('never holds more than its cap nor an older advert after a newer one', () => {
    const event = fc.record({
      peer: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      run: fc.integer({ min: 1, max: 3 }),
      sequence: fc.nat(20),
      state: fc.constantFrom('serving' as const, 'paused' as const, 'leaving' as const),
      waitMs: fc.constantFrom(0, 100, 11_000),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        clock = new FakeClock();
        registry = createPeerRegistry({ clock }, { maxPeers: 3 });
        const newest = new Map<string, number>();
        const heardMs = new Map<string, number>();
        for (const { peer, run, sequence, state, waitMs } of events) {
          if (waitMs > 0) await clock.advance(waitMs);
          // Beyond the time to live nothing is remembered, on purpose.
          if (clock.now() - (heardMs.get(peer) ?? 0) >= 30_000) newest.delete(peer);
          const rank = run * 1_000 + sequence;
          const outcome = registry.offer(name(peer), advert(sequence, { run, state }));
          const known = registry.get(name(peer));
          if (known !== undefined) {
            const held = known.advert.run * 1_000 + known.advert.sequence;
            expect(held).toBeGreaterThanOrEqual(newest.get(peer) ?? 0);
            newest.set(peer, held);
            heardMs.set(peer, known.lastSeenMs);
          }
          if (outcome === 'accepted' && state !== 'leaving') expect(newest.get(peer)).toBe(rank);
          expect(registry.peers().length).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 60 },
    );
  });
});
