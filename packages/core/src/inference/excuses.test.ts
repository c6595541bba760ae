import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { EXCUSE_LIFE_MS, MAX_REMEMBERED_EXCUSES } from './constants.ts';
import { createExcuses } from './excuses.ts';

const peer = 'p' as PeerName;

describe('an answer given up for no fault', () => {
  it('counts from the second time on, if the peer announced itself between', () => {
    const excuses = createExcuses({ clock: new FakeClock(1_000) });
    expect(excuses.note(peer, { seenMs: 900, atMs: 1_000 })).toBe(false);
    expect(excuses.note(peer, { seenMs: 900, atMs: 1_010 })).toBe(false);
    expect(excuses.note(peer, { seenMs: 1_001, atMs: 1_020 })).toBe(true);
  });

  it('is forgotten after a while, and when there is too much to remember', async () => {
    const clock = new FakeClock();
    const excuses = createExcuses({ clock });
    const note = (name: PeerName) => excuses.note(name, { seenMs: clock.now(), atMs: clock.now() });
    note(peer);
    await clock.advance(EXCUSE_LIFE_MS);
    expect(note(peer)).toBe(false);
    await clock.advance(1);
    for (let at = 0; at < MAX_REMEMBERED_EXCUSES; at++) note(`q${at}` as PeerName);
    expect(note(peer)).toBe(false);
  });
});
