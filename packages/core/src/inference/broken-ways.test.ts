import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { createBrokenWays } from './broken-ways.ts';
import { BROKEN_WAY_LIFE_MS, MAX_BROKEN_WAYS } from './constants.ts';

const named = (name: string) => name as PeerName;
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(named) as [PeerName, PeerName, PeerName, PeerName];

describe('who is chosen last because of what stages say of each other', () => {
  it('is nobody on one word, however often it is said', () => {
    const ways = createBrokenWays({ clock: new FakeClock() });
    expect([ways.note(a, b), ways.note(a, b), ways.note(b, a)]).toEqual([undefined, undefined, undefined]);
  });

  it('is who complains of different neighbours', () => {
    const ways = createBrokenWays({ clock: new FakeClock() });
    expect([ways.note(a, b), ways.note(a, c), ways.note(a, b)]).toEqual([undefined, a, a]);
  });

  it('is of whom different neighbours complain, but for those that complain of everybody', () => {
    const ways = createBrokenWays({ clock: new FakeClock() });
    expect([ways.note(a, d), ways.note(b, d)]).toEqual([undefined, d]);
    const others = createBrokenWays({ clock: new FakeClock() });
    expect([others.note(a, c), others.note(a, d), others.note(b, d)]).toEqual([undefined, a, undefined]);
  });

  it('is forgotten after a while, and when there is too much to remember', async () => {
    const clock = new FakeClock();
    const ways = createBrokenWays({ clock });
    ways.note(a, b);
    await clock.advance(BROKEN_WAY_LIFE_MS);
    expect(ways.note(a, c)).toBeUndefined();
    for (let at = 0; at < MAX_BROKEN_WAYS; at++) ways.note(named(`x${at}`), named(`y${at}`));
    expect(ways.note(a, d)).toBeUndefined();
  });
});
