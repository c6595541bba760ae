import { expect, describe, it } from 'vitest';
import { HOP_TIME_LIFE_MS } from './constants.ts';
import { honest, ScriptedPeers } from './scripted-peers.fixture.ts';

describe('the way between two stages', () => {
  it('that was slow once is tried again after a while', async () => {
    const peers = new ScriptedPeers();
    peers.add('a', { start: 0, end: 2 }, honest(420));
    peers.add('b', { start: 2, end: 4 });
    const coordinator = peers.coordinator();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['a>b'] });
    expect(await peers.run(coordinator)).toMatchObject({ result: 'no_route' });
    await peers.clock.advance(HOP_TIME_LIFE_MS);
    peers.announce();
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end', routes: ['a>b'] });
  });

  it('may be short though both stages are far from the coordinator', async () => {
    const peers = new ScriptedPeers();
    peers.add('a', { start: 0, end: 2 });
    peers.add('b', { start: 2, end: 4 });
    expect(await peers.run(peers.coordinator(350))).toMatchObject({ result: 'end', routes: ['a>b'] });
  });
});
