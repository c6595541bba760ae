import { describe, expect, it } from 'vitest';
import { DIRECT_DIAL_TIMEOUT_MS } from '../p2p/constants.ts';
import { CHAIN_FIRST_WORD_TIMEOUT_MS, LINK_TIMEOUT_MS, SUMMARY_WAIT_MS } from './constants.ts';
import { SessionLostError } from './errors.ts';
import { accepted, honest, ScriptedPeers, TIMING } from './scripted-peers.fixture.ts';
import type { Script, ScriptedSession } from './scripted-peers.fixture.ts';

const FRONT = { start: 0, end: 2 };
const BACK = { start: 2, end: 4 };

const endAtOnce =
  (reason: 'stop' | 'length', times = 1): Script =>
  ({ request, say }) => {
    say(request.chain === undefined ? { type: 'accepted' } : accepted());
    for (let time = 0; time < times; time++) say({ type: 'end', reason, timing: TIMING });
  };

/** Takes part; does this when the answer is complete. */
const untilFinish =
  (last: (session: ScriptedSession) => void): Script =>
  async (session) => {
    session.say(accepted());
    await session.finished;
    last(session);
  };

describe('the end of an answer', () => {
  it.each([
    ['a chain', BACK],
    ['one peer', { start: 0, end: 4 }],
  ])(
    'is not believed of a stage of %s that made fewer tokens than asked for and says that there are all',
    async (_, at) => {
      const peers = new ScriptedPeers();
      peers.add('a', FRONT);
      peers.add('liar', at, endAtOnce('length'), 900);
      peers.add('z', at, honest(), 50);
      const { result, events, routes } = await peers.run(peers.coordinator());
      expect(result).toBe('end');
      expect(routes.at(-1)).toMatch(/z$/);
      expect(events.filter(({ type }) => type === 'token')).toHaveLength(4);
    },
  );

  it('comes after the route: one without tokens is believed when every stage takes part', async () => {
    const peers = new ScriptedPeers();
    let began = false;
    const late: Script = async (session) => {
      await peers.clock.sleep(100);
      began = true;
      return honest()(session);
    };
    peers.add('a', FRONT, late);
    peers.add('b', BACK, endAtOnce('stop'));
    const { events, tookMs } = await peers.run(peers.coordinator(), { mostMs: 2_000, stepMs: 10 });
    expect(began).toBe(true);
    expect(tookMs).toBeGreaterThanOrEqual(100);
    expect(events).toMatchObject([{ type: 'route' }, { type: 'end', reason: 'stop' }]);
  });

  it('is not believed without tokens where another stage is lost', async () => {
    const peers = new ScriptedPeers();
    peers.add('gone', FRONT, ({ fail }) => fail(new SessionLostError('gone')), 900);
    peers.add('a', FRONT);
    peers.add('b', BACK, (session) => (session.peers[0] === 'gone' ? endAtOnce('stop')(session) : honest()(session)));
    const { events, routes } = await peers.run(peers.coordinator());
    expect(routes).toEqual(['a>b']);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length', failovers: 1 });
  });

  it('is said once', async () => {
    const peers = new ScriptedPeers();
    peers.add('a', FRONT, async (session) => {
      await peers.clock.sleep(100);
      return honest()(session);
    });
    peers.add('liar', BACK, endAtOnce('stop', 2), 900);
    peers.add('z', BACK, honest(), 50);
    const { events, routes } = await peers.run(peers.coordinator(), { mostMs: 2_000 });
    expect(routes).toEqual(['a>z']);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length', failovers: 1 });
  });

  it('waits for the reports of those that live, not of who was lost', async () => {
    for (const [last, waitsMs] of [
      [({ fail }) => fail(new SessionLostError('gone')), 0],
      [({ say }) => say({ type: 'leaving' }), 0],
      [() => {}, SUMMARY_WAIT_MS],
    ] as const satisfies readonly (readonly [Script, number])[]) {
      const peers = new ScriptedPeers();
      peers.add('a', FRONT, untilFinish(last));
      peers.add('b', BACK);
      const { events, tookMs } = await peers.run(peers.coordinator(), { mostMs: 2_000, stepMs: 10 });
      expect(events.at(-1)).toMatchObject({ type: 'end', reports: [{ peer: 'b' }] });
      expect(tookMs).toBe(waitsMs);
    }
  });
});

describe('the first word of a stage of a chain', () => {
  it('is waited for until it was dialled and found its neighbours', () => {
    expect(CHAIN_FIRST_WORD_TIMEOUT_MS).toBeGreaterThan(DIRECT_DIAL_TIMEOUT_MS + LINK_TIMEOUT_MS);
  });
});
