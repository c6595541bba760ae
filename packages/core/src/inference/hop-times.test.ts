import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { HOP_TIME_LIFE_MS } from './constants.ts';
import { createHopTimes } from './hop-times.ts';

const [a, b] = ['a', 'b'] as [PeerName, PeerName];

describe('round trips between peers', () => {
  it('count for a while, each direction by itself', async () => {
    const clock = new FakeClock();
    const times = createHopTimes({ clock });
    times.note(a, b, 420);
    expect([times.get(a, b), times.get(b, a)]).toEqual([420, undefined]);
    await clock.advance(HOP_TIME_LIFE_MS - 1);
    expect(times.get(a, b)).toBe(420);
    await clock.advance(1);
    expect(times.get(a, b)).toBeUndefined();
    times.note(a, b, 5);
    expect(times.get(a, b)).toBe(5);
  });
});
