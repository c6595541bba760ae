import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ChainLab, stagesOf, tokensOf } from './chain-lab.ts';

interface GoldenConversation {
  readonly promptTokens: readonly number[];
  readonly greedyTokens: readonly number[];
}
const { conversations } = JSON.parse(await readFile(new URL('../fixtures/golden.json', import.meta.url), 'utf8')) as {
  conversations: readonly GoldenConversation[];
};

const SPLITS = {
  2: [
    [0, 15],
    [15, 30],
  ],
  3: [
    [0, 10],
    [10, 20],
    [20, 30],
  ],
  5: [
    [0, 6],
    [6, 12],
    [12, 18],
    [18, 24],
    [24, 30],
  ],
} as const;

const MAX_TOKENS = 20;

/** Answers to every conversation, at temperature 0 and with a seed. */
async function answers(lab: ChainLab): Promise<number[][]> {
  const all: number[][] = [];
  for (const { promptTokens } of conversations) {
    const seeded = { sampling: { ...lab.request.sampling, temperature: 0.9, topP: 0.9, seed: 42 } };
    const both = [
      lab.run(promptTokens, { maxTokens: MAX_TOKENS }),
      lab.run(promptTokens, { maxTokens: MAX_TOKENS, ...seeded }),
    ];
    all.push(...(await Promise.all(both)).map(tokensOf));
  }
  return all;
}

describe('one model over several peers', () => {
  it('gives the tokens of the whole model over 2, 3 and 5 stages', async () => {
    await using lab = await ChainLab.start({ hiddenFormat: 'f32' });
    await lab.add([0, 30]);
    const whole = await answers(lab);
    await lab.clear();
    expect(whole[0]).toEqual(conversations[0]?.greedyTokens.slice(0, MAX_TOKENS).filter((token) => token !== 2));
    for (const [count, ranges] of Object.entries(SPLITS)) {
      await lab.add(...ranges);
      const route = stagesOf(await lab.run(conversations[0]!.promptTokens, { maxTokens: 1 }));
      expect(route).toHaveLength(Number(count));
      expect(route.every(({ hop }) => hop?.direct)).toBe(true);
      expect(await answers(lab)).toEqual(whole);
      await lab.clear();
    }
  });
});
