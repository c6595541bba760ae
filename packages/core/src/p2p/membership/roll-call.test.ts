import { describe, expect, it } from 'vitest';
import { ADVERT_INTERVAL_MS } from '../../membership/advert.ts';
import { FakeClock, settle } from '../../testing/fake-clock.ts';
import { MIN_ROLL_CALL_GAP_MS, ROLL_CALL_DELAY_MS, ROLL_CALL_MS_PER_PEER } from './constants.ts';
import { createRollCall, isRollCall } from './roll-call.ts';

function setUp(peers: number) {
  const clock = new FakeClock();
  const calls: Uint8Array[] = [];
  const rollCall = createRollCall({ clock, peers: () => peers, publish: async (message) => calls.push(message) });
  const stop = new AbortController();
  rollCall.run(stop.signal).catch(() => {}); // stopped
  const join = async () => {
    rollCall.wanted();
    await settle();
  };
  return { clock, calls, join, stop };
}

describe('a roll call', () => {
  it('comes once for several newcomers, a moment after they joined', async () => {
    const { clock, calls, join } = setUp(3);
    await join();
    await join();
    expect(calls).toHaveLength(0);
    await clock.advance(ROLL_CALL_DELAY_MS);
    expect(calls.map(isRollCall)).toEqual([true]);
    await clock.advance(60_000);
    expect(calls).toHaveLength(1);
  });

  it('comes again for whoever joins while one is made, after its gap', async () => {
    const { clock, calls, join } = setUp(3);
    await join();
    await clock.advance(ROLL_CALL_DELAY_MS);
    await join();
    await clock.advance(MIN_ROLL_CALL_GAP_MS + ROLL_CALL_DELAY_MS);
    expect(calls).toHaveLength(2);
  });

  it('is left to the regular adverts where a region is large', async () => {
    const { clock, calls, join } = setUp(ADVERT_INTERVAL_MS / ROLL_CALL_MS_PER_PEER);
    await join();
    await clock.advance(60_000);
    expect(calls).toHaveLength(0);
  });

  it('is nothing else', () => {
    expect(isRollCall(Uint8Array.of())).toBe(false);
    expect(isRollCall(Uint8Array.of(0xa1, 0x61, 0x76, 0x01))).toBe(false);
  });
});
