import { describe, expect, it } from 'vitest';
import { accepted, honest, reported, ScriptedPeers } from './scripted-peers.fixture.ts';
import type { Script } from './scripted-peers.fixture.ts';

const FRONT = { start: 0, end: 2 };
const BACK = { start: 2, end: 4 };

/** Takes part and says this. */
const lie =
  (code: string): Script =>
  ({ say }) => {
    say(accepted());
    say(reported(code));
  };

/** Complains where a chain has `bad` in it, else does what it is asked to. */
const complain =
  (code: string): Script =>
  (session) =>
    session.peers.includes('bad') ? lie(code)(session) : honest()(session);

describe('a stage whose word is all there is', () => {
  it.each(['bad_frame', 'invalid_input', 'previous_stage_lost'])(
    'is chosen last once it reports %s of different neighbours, which keep their place',
    async (code) => {
      const peers = new ScriptedPeers();
      for (const name of ['h1', 'h2']) peers.add(name, FRONT);
      peers.add('liar', BACK, lie(code), 900);
      peers.add('z', BACK, honest(), 50);
      const coordinator = peers.coordinator();
      const first = await peers.run(coordinator, { mostMs: 5_000 });
      expect(first).toMatchObject({ result: 'end', routes: ['h1>liar', 'h2>liar', 'h1>z'] });
      peers.announce();
      peers.opened.length = 0;
      const second = await peers.run(coordinator, { mostMs: 5_000 });
      expect(second).toMatchObject({ result: 'end', routes: ['h1>z'] });
      expect(peers.opened).not.toContain('liar');
    },
  );

  it('costs a neighbour no more than its place in this request, and the way between them its rank', async () => {
    const peers = new ScriptedPeers();
    peers.add('h', FRONT);
    peers.add('liar', BACK, lie('bad_frame'), 900);
    peers.add('z', BACK, honest(), 50);
    const coordinator = peers.coordinator();
    const first = await peers.run(coordinator, { mostMs: 20_000 });
    expect(first).toMatchObject({ result: 'end', routes: ['h>liar', 'h>z'] });
    peers.announce();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['h>z'] });
  });

  it('counts where another says the same: who sends damaged frames is chosen last', async () => {
    const peers = new ScriptedPeers();
    peers.add('bad', FRONT, ({ say }) => say(accepted()), 900);
    peers.add('h', FRONT, honest(), 50);
    for (const name of ['z1', 'z2', 'z3']) peers.add(name, BACK, complain('bad_frame'));
    const coordinator = peers.coordinator();
    const routes: string[] = [];
    for (let request = 0; request < 4; request++) {
      const outcome = await peers.run(coordinator, { mostMs: 5_000 });
      expect(outcome.result).toBe('end');
      routes.push(...outcome.routes);
      peers.announce();
    }
    expect(routes.join(' ')).toBe('bad>z1 h>z1 bad>z2 h>z1 h>z1 h>z1');
  });
});

describe('a stage of which its neighbour complains first', () => {
  it('is full where it says so itself a moment later: the request waits for a place', async () => {
    const peers = new ScriptedPeers();
    let isFull = true;
    const full: Script = async (session) => {
      if (!isFull) return honest()(session);
      await peers.clock.sleep(30);
      session.say(reported('engine_busy'));
    };
    const notice: Script = async (session) => {
      if (!isFull) return honest()(session);
      await peers.clock.sleep(10);
      session.say(reported('previous_stage_lost'));
    };
    peers.add('full', FRONT, full);
    peers.add('b', BACK, notice);
    const coordinator = peers.coordinator();
    const waiting = peers.run(coordinator, { mostMs: 20_000 });
    await peers.clock.sleep(8_000);
    isFull = false;
    const { result, events, routes } = await waiting;
    expect({ result, routes, failovers: coordinator.stats().failovers }).toEqual({
      result: 'end',
      routes: ['full>b'],
      failovers: 0,
    });
    expect(events[0]).toMatchObject({ type: 'progress', state: 'queued' });
  });

  it('is chosen last where it breaks the protocol a moment later', async () => {
    const peers = new ScriptedPeers();
    const bad: Script = async ({ say }) => {
      say(accepted());
      await peers.clock.sleep(20);
      say({ type: 'token', token: 999_999 });
    };
    peers.add('a', FRONT, complain('next_stage_lost'));
    peers.add('bad', BACK, bad, 900);
    peers.add('z', BACK, honest(), 50);
    const coordinator = peers.coordinator();
    expect(await peers.run(coordinator, { mostMs: 5_000 })).toMatchObject({ result: 'end', routes: ['a>bad', 'a>z'] });
    await peers.clock.advance(20_000);
    peers.announce();
    peers.add('a2', FRONT, complain('next_stage_lost'), 900);
    expect(await peers.run(coordinator, { mostMs: 5_000 })).toMatchObject({ result: 'end', routes: ['a2>z'] });
  });
});

describe('a chain that stands still while all of its stages live', () => {
  const beat =
    (done: number): Script =>
    async ({ say, isClosed }) => {
      say(accepted());
      while (!isClosed()) {
        say({ type: 'progress', state: 'prefill', done, total: 3 });
        await peers.clock.sleep(1_000);
      }
    };
  let peers: ScriptedPeers;

  it('goes on without the stage that claims to have sent what nobody got, and blames no other', async () => {
    peers = new ScriptedPeers();
    peers.add('liar', FRONT, beat(3), 900);
    peers.add('h', FRONT, honest(), 50);
    const wait: Script = (session) => (session.peers[0] === 'liar' ? beat(0)(session) : honest()(session));
    for (let at = 1; at <= 4; at++) peers.add(`z${at}`, BACK, wait);
    const coordinator = peers.coordinator();
    const first = await peers.run(coordinator, { mostMs: 120_000, stepMs: 1_000 });
    expect(first).toMatchObject({ result: 'end', routes: ['liar>z1', 'liar>z2', 'h>z1'] });
    peers.announce();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['h>z1'] });
  });

  it.each([
    ['shrinks', [2, 1]],
    ['is more than there will ever be', [8]],
  ])('counts a stage as lost whose progress %s', async (_, all) => {
    peers = new ScriptedPeers();
    const talk: Script = ({ say }) => {
      say(accepted());
      for (const done of all) say({ type: 'progress', state: 'prefill', done, total: 3 });
    };
    peers.add('liar', FRONT, talk, 900);
    peers.add('h', FRONT, honest(), 50);
    peers.add('z', BACK);
    const coordinator = peers.coordinator();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['liar>z', 'h>z'] });
    peers.announce();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['h>z'] });
  });
});
