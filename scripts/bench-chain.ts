/**
 * `npm run bench:chain`: what it costs to split a model over several processes. Time per token of the whole model
 * beside chains of 2, 3 and 4 stages, the same with delay added to every hop, and the throughput of several sessions
 * over emulated stages beside min(m, total / longest). Prints tables and writes nothing.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '@opengateway/core';
import { connectStages } from './bench/chain-answer.ts';
import {
  BATCHED_STAGES,
  CHAIN_BENCH_WITHIN_MS,
  CHAIN_LENGTHS,
  EMULATED_STAGES_MS,
  INJECTED_DELAYS_MS,
  MAX_DELAY_SLOPE,
  MAX_OVERHEAD_MS_PER_HOP,
  MIN_THROUGHPUT_SHARE,
  SESSION_COUNTS,
} from './bench/chain-constants.ts';
import { measureDelays } from './bench/chain-delays.ts';
import { EMULATED_SHAPE } from './bench/chain-emulated.ts';
import { createChainLab } from './bench/chain-lab.ts';
import { measureOverhead } from './bench/chain-overhead.ts';
import { measureBatching, measureEmulated } from './bench/chain-throughput.ts';
import { MODEL_PATH } from './bench/constants.ts';

const path = fileURLToPath(new URL(`../${MODEL_PATH}/manifest.json`, import.meta.url));
const { architecture } = parseManifest(JSON.parse(await readFile(path, 'utf8')));

const row = (name: string, ...cells: (number | string)[]) =>
  console.log([name.padEnd(32), ...cells.map((cell) => written(cell).padStart(13))].join(''));
const written = (cell: number | string) => {
  if (typeof cell === 'string') return cell;
  return Number.isNaN(cell) ? '' : cell.toFixed(cell < 100 ? 2 : 0);
};

const lab = await createChainLab();
const giveUp = setTimeout(() => {
  console.error(`Not finished within ${CHAIN_BENCH_WITHIN_MS / 1000} s.`);
  void lab.stop().finally(() => process.exit(1));
}, CHAIN_BENCH_WITHIN_MS);
try {
  await measureComputed();
  await measureTimers();
} finally {
  clearTimeout(giveUp);
  await lab.stop();
}
// What a library left open is not waited for.
process.exit(0);

async function measureComputed(): Promise<void> {
  const chains = [];
  for (const stages of [1, ...CHAIN_LENGTHS]) {
    const chain = await lab.startChain(stages, { layerCount: architecture.layerCount });
    await connectStages(lab, chain, architecture);
    chains.push(chain);
  }
  row('one session, ms per token', 'in all', 'compute', 'per hop', 'round trip', 'paced', 'tokens agree');
  for (const figures of await measureOverhead(lab, chains, architecture)) {
    const { stages, format } = figures;
    row(
      stages === 1 ? `whole model, beside ${format}` : `${stages} stages, ${format}`,
      figures.msPerToken,
      figures.computeMsPerToken,
      figures.overheadMsPerHop,
      figures.roundTripMs,
      figures.pacedRoundTripMs,
      String(figures.agreedTokens),
    );
  }
  console.log(
    `per hop: (in all - compute) / stages, at most ${MAX_OVERHEAD_MS_PER_HOP} is wanted; round trip: bare, of a frame ` +
      'of the same size; paced: after a pause, as frames of a chain come\n',
  );

  row('delay per hop, ms', '0', ...INJECTED_DELAYS_MS.map(String), 'slope');
  for (const { stages, points, slope } of await measureDelays(lab, chains.slice(1), architecture)) {
    row(`${stages} stages, ms per token`, ...points.map(({ msPerToken }) => msPerToken), slope);
  }
  console.log(`slope: of time per token over the delay of all hops, at most ${MAX_DELAY_SLOPE} is wanted\n`);

  row('sessions, engines that batch', ...SESSION_COUNTS.map(String));
  for (const chain of chains) {
    const { length } = chain.stages;
    if (length !== 1 && length !== BATCHED_STAGES) continue;
    const figures = await measureBatching(lab, chain, architecture);
    const name = length === 1 ? 'whole model' : `${length} stages`;
    row(`${name}, tokens/s in all`, ...figures.map(({ tokensPerSecond }) => tokensPerSecond));
  }
  console.log('');
  await Promise.all(chains.map((chain) => lab.stopChain(chain)));
}

async function measureTimers(): Promise<void> {
  const { layerCount } = EMULATED_SHAPE;
  const chain = await lab.startChain(EMULATED_STAGES_MS[0].length, { layerCount, emulated: true });
  await connectStages(lab, chain, EMULATED_SHAPE);
  row('sessions, emulated stages', ...SESSION_COUNTS.map(String));
  for (const stepsMs of EMULATED_STAGES_MS) {
    const totalMs = stepsMs.reduce((all, ms) => all + ms, 0);
    const figures = await measureEmulated(lab, chain, stepsMs);
    const one = figures[0]!.tokensPerSecond;
    const expected = (sessions: number) => Math.min(sessions, totalMs / Math.max(...stepsMs));
    row(`${stepsMs.join(' + ')} ms, tokens/s in all`, ...figures.map(({ tokensPerSecond }) => tokensPerSecond));
    row('  over one session', ...figures.map(({ tokensPerSecond }) => tokensPerSecond / one));
    row('  min(m, total / longest)', ...figures.map(({ sessions }) => expected(sessions)));
    const share = (of: number) =>
      figures.map(({ sessions, tokensPerSecond }) => tokensPerSecond / (of * expected(sessions)));
    row('  of the formula', ...share(one));
    row('  of it, were hops free', ...share(1000 / totalMs));
  }
  console.log(
    `of the formula: at least ${MIN_THROUGHPUT_SHARE} is wanted; were hops free: one session taken to need the stages' ` +
      'own time only',
  );
}
