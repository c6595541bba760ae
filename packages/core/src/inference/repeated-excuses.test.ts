import { describe, expect, it } from 'vitest';
import { honest, reported, ScriptedPeers } from './scripted-peers.fixture.ts';
import type { StageEvent } from './stage-session.ts';

const WHOLE = { start: 0, end: 4 };

/** Who was asked by each of three requests, where the fastest gives up with this word and announces itself anew. */
async function askedFor(word: StageEvent): Promise<string[]> {
  const peers = new ScriptedPeers();
  peers.add('honest', WHOLE, honest(), 50);
  peers.add('liar', WHOLE, ({ say }) => [{ type: 'accepted' } as const, word].forEach(say), 900);
  const coordinator = peers.coordinator();
  const asked: string[] = [];
  for (let request = 0; request < 3; request++) {
    peers.opened.length = 0;
    expect(await peers.run(coordinator)).toMatchObject({ result: 'end' });
    asked.push(peers.opened.join());
    await peers.clock.advance(5_000);
    peers.announce();
  }
  return asked;
}

describe('a peer that gives up what another completes', () => {
  it.each(['stage_leaving', 'model_not_served', 'reader_stalled', 'invalid_logits', 'invalid_generation'])(
    'with %s may do so once, and is chosen last when it does so again',
    async (code) => {
      const word: StageEvent = code === 'stage_leaving' ? { type: 'leaving' } : reported(code);
      expect(await askedFor(word)).toEqual(['liar,honest', 'liar,honest', 'honest']);
    },
  );

  it.each(['next_stage_lost', 'previous_stage_lost'])(
    'with %s, though it has no neighbours, is chosen last at once',
    async (code) => {
      expect(await askedFor(reported(code))).toEqual(['liar,honest', 'honest', 'honest']);
    },
  );
});
