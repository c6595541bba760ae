import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ChainLab, stagesOf, tokensOf } from './chain-lab.ts';
import type { CoordinatorEvent } from '@opengateway/core';
import type { LabStage } from './chain-lab.ts';

/** `CHAIN_RUNS=200 npx vitest run --project e2e test/e2e/chain-survival.test.ts` says more, in a quarter of an hour. */
const RUNS = Number(process.env['CHAIN_RUNS'] ?? 3);
const SEED = Number(process.env['CHAIN_SEED'] ?? 1);

const RANGES = [
  [0, 10],
  [10, 20],
  [20, 30],
] as const;
/** Of each range, so that one is left while another is replaced. */
const COPIES = 2;
const MAX_TOKENS = 40;

const HARMS = ['kill', 'stall', 'corrupt', 'drop'] as const;
type Harm = (typeof HARMS)[number];

interface Outcome {
  readonly harm: Harm;
  /** From the harm to the new route: detection, a new plan, new sessions. */
  readonly detectionMs: number;
  /** From the new route to the next token. */
  readonly recoveryMs: number;
  /** The same for a request of its own with the same context. */
  readonly prefillMs: number;
}

const { conversations } = JSON.parse(await readFile(new URL('../fixtures/golden.json', import.meta.url), 'utf8')) as {
  conversations: readonly { readonly promptTokens: readonly number[] }[];
};

/** Mulberry32: the same harm at the same places again. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(SEED);
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;

async function hurt(stage: LabStage, harm: Harm): Promise<void> {
  if (harm === 'kill') return stage.kill();
  if (harm === 'stall') return void stage.child.kill('SIGSTOP');
  stage.harm(harm);
}

/** One answer of which one stage is hurt after `at` tokens. */
async function disturbedRun(
  lab: ChainLab,
  { prompt, harm, at, index }: { prompt: readonly number[]; harm: Harm; at: number; index: number },
) {
  let given = 0;
  let hurtMs = 0;
  let routeMs = 0;
  let recoveredMs = 0;
  let victim: LabStage | undefined;
  let stages: readonly { peer: string }[] = [];
  const events = await lab.run(prompt, { maxTokens: MAX_TOKENS }, (event: CoordinatorEvent) => {
    if (event.type === 'route') {
      stages = event.stages;
      if (victim !== undefined) routeMs = performance.now();
    }
    if (event.type !== 'token') return;
    if (routeMs > 0 && recoveredMs === 0) recoveredMs = performance.now();
    if (given++ !== at) return;
    victim = lab.stages.get(stages[index]!.peer as never);
    hurtMs = performance.now();
    void hurt(victim!, harm);
  });
  return { events, victim: victim!, detectionMs: routeMs - hurtMs, recoveryMs: recoveredMs - routeMs };
}

/** From route to first token of an undisturbed request. */
async function prefillMs(lab: ChainLab, context: readonly number[]): Promise<number> {
  let routeMs = 0;
  let tokenMs = 0;
  await lab.run(context, { maxTokens: 1 }, ({ type }) => {
    if (type === 'route') routeMs = performance.now();
    if (type === 'token') tokenMs = performance.now();
  });
  return tokenMs - routeMs;
}

describe('an answer over a chain whose stages are hurt', () => {
  it(
    `is complete and equal in ${RUNS} runs`,
    async () => {
      await using lab = await ChainLab.start({ hiddenFormat: 'f32' });
      for (let copy = 0; copy < COPIES; copy++) await lab.add(...RANGES);
      const expected: number[][] = [];
      for (const { promptTokens } of conversations) {
        expected.push(tokensOf(await lab.run(promptTokens, { maxTokens: MAX_TOKENS })));
      }
      const outcomes: Outcome[] = [];
      for (let run = 0; run < RUNS; run++) {
        const which = run % conversations.length;
        const prompt = conversations[which]!.promptTokens;
        const answer = expected[which]!;
        const at = Math.floor(random() * (answer.length - 2));
        // A lost frame is noticed when all stand still, after ten seconds: it comes rarely.
        const harm = run % 20 === 19 ? 'drop' : HARMS[run % 3]!;
        const index = pick([0, 1, 2]);
        const result = await disturbedRun(lab, { prompt, harm, at, index });
        expect(tokensOf(result.events), `run ${run}: ${harm} of stage ${index} at ${at}`).toEqual(answer);
        expect(result.events.filter(({ type }) => type === 'end')).toHaveLength(1);
        const wasDisturbed = stagesOf(result.events).every(({ peer }) => peer !== result.victim.peer);
        const { detectionMs, recoveryMs } = result;
        if (wasDisturbed && recoveryMs > 0) {
          const given = answer.slice(0, at + 1);
          outcomes.push({ harm, detectionMs, recoveryMs, prefillMs: await prefillMs(lab, [...prompt, ...given]) });
        }
        if (harm === 'kill' || harm === 'stall') {
          await result.victim.kill();
          await lab.add([result.victim.layers.start, result.victim.layers.end]);
        }
      }
      expect(outcomes.length).toBeGreaterThanOrEqual(RUNS / 2);
      if (process.env['CHAIN_RUNS'] !== undefined) report(outcomes);
    },
    60_000 + RUNS * 20_000,
  );
});

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]?.toFixed(0);

function report(outcomes: readonly Outcome[]): void {
  for (const harm of HARMS) {
    const of = outcomes.filter((outcome) => outcome.harm === harm);
    const ratios = of.map(({ recoveryMs, prefillMs: alone }) => recoveryMs / alone);
    console.log(
      `${harm}: ${of.length} runs, detection ${median(of.map(({ detectionMs }) => detectionMs))} ms, ` +
        `recovery ${median(of.map(({ recoveryMs }) => recoveryMs))} ms, ` +
        `prefill alone ${median(of.map((outcome) => outcome.prefillMs))} ms, ` +
        `ratio ${ratios.toSorted((a, b) => a - b)[of.length >> 1]?.toFixed(2)}`,
    );
  }
}
