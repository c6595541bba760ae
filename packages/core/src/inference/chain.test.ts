import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LayerRange } from '../ids.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { fakeAnswer } from '../testing/fake-generator.ts';
import { ChainNetwork, chainRequest } from './chain.fixture.ts';
import { MIN_TOKEN_ALLOWANCE_MS } from './constants.ts';
import type { CoordinatorEvent } from './coordinator-types.ts';
import { StageBusyError } from './errors.ts';

const tokensOf = (events: readonly CoordinatorEvent[]) =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));

async function collect(events: AsyncIterable<CoordinatorEvent>, onEvent?: (event: CoordinatorEvent) => void) {
  const all: CoordinatorEvent[] = [];
  for await (const event of events) {
    all.push(event);
    onEvent?.(event);
  }
  return all;
}

/** Layer ranges with these boundaries inside `[0, 6)`. */
const split = (...cuts: number[]): LayerRange[] =>
  [0, ...cuts].map((start, index) => ({ start, end: cuts[index] ?? chainRequest.layerCount }));

function networkOf(
  ranges: readonly LayerRange[],
  copies = 1,
  init: ConstructorParameters<typeof ChainNetwork>[0] = {},
) {
  const network = new ChainNetwork(init);
  for (let copy = 0; copy < copies; copy++) {
    ranges.forEach((range, index) => network.add(`stage${index}copy${copy}`, range));
  }
  return network;
}

let network: ChainNetwork;

afterEach(async () => {
  // Whatever happened, nothing may be left of it.
  await vi.waitUntil(() => network.isQuiet(), { timeout: 20_000 });
});

describe('an answer over a chain', () => {
  it('gives the tokens of the whole model over any split', async () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.constantFrom('f16' as const, 'f32' as const), async (at, hiddenFormat) => {
        network = networkOf(split(...at.sort()), 1, { hiddenFormat });
        const events = await collect(network.run());
        expect(tokensOf(events)).toEqual(fakeAnswer(chainRequest));
      }),
      { numRuns: 20 },
    );
  });

  it('says the route with its hops, progress, tokens, and what each stage took', async () => {
    network = networkOf(split(2, 4));
    const events = await collect(network.run());
    expect(events[0]).toMatchObject({
      type: 'route',
      stages: [
        { peer: 'stage0copy0', layers: { start: 0, end: 2 }, hop: { rttMs: 0.5, direct: true } },
        { peer: 'stage1copy0', layers: { start: 2, end: 4 } },
        { peer: 'stage2copy0', layers: { start: 4, end: 6 } },
      ],
    });
    const end = events.at(-1);
    expect(end).toMatchObject({ type: 'end', reason: 'length', failovers: 0 });
    const reports = end?.type === 'end' ? end.reports : [];
    expect(reports.map(({ peer, decodeSteps }) => [peer, decodeSteps])).toEqual([
      ['stage0copy0', 23],
      ['stage1copy0', 23],
      ['stage2copy0', 23],
    ]);
    expect(reports.map(({ sentBytes }) => sentBytes)).toEqual([34 * 8 * 2, 34 * 8 * 2, 23 * 4]);
  });

  it('tells only the first and the last stage what the tokens are', async () => {
    network = networkOf(split(2, 4));
    await collect(network.run());
    const told = [...network.peers.values()].map(({ runner }) => runner.requests[0]?.tokens.length);
    expect(told).toEqual([11, 0, 11]);
  });

  it('keeps several answers apart that share the chain', async () => {
    network = networkOf(split(3));
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const answers = await Promise.all(
      seeds.map((seed) => collect(network.run({ sampling: { ...chainRequest.sampling, seed } }))),
    );
    expect(answers.map(tokensOf)).toEqual(
      seeds.map((seed) => fakeAnswer({ ...chainRequest, sampling: { ...chainRequest.sampling, seed } })),
    );
  });

  it('frees every stage when the client goes away', async () => {
    network = networkOf(split(2, 4));
    const abort = new AbortController();
    const reading = collect(network.run({}, abort.signal), (event) => {
      if (event.type === 'token') abort.abort(new Error('gone'));
    });
    await expect(reading).rejects.toThrow('gone');
    await vi.waitUntil(() => network.isQuiet(), { timeout: 20_000 });
  });

  it('ends with one clear error where a stage is lost and no other has its layers', async () => {
    network = networkOf(split(3), 1, { rerouteWaitMs: 50 });
    const lose = (event: CoordinatorEvent) => {
      if (event.type === 'token') network.peers.get('stage1copy0' as never)?.kill();
    };
    await expect(collect(network.run(), lose)).rejects.toMatchObject({ code: 'route_lost' });
  });

  it('waits in line while a stage is full', async () => {
    network = new ChainNetwork();
    const places = 2;
    const first = network.add(
      'first',
      { start: 0, end: 3 },
      {
        onStart: async () => {
          if (first.runner.running > places) throw new StageBusyError('Every place is taken.');
        },
      },
    );
    network.add('second', { start: 3, end: 6 });
    const answers = await Promise.all(Array.from({ length: places + 2 }, () => collect(network.run())));
    for (const events of answers) {
      expect(tokensOf(events)).toEqual(fakeAnswer(chainRequest));
      expect(events.at(-1)).toMatchObject({ failovers: 0 });
    }
    const waited = answers.filter((events) =>
      events.some((event) => event.type === 'progress' && event.state === 'queued'),
    );
    expect(waited).toHaveLength(2);
  });
});

describe('a chain that is disturbed', () => {
  const CASES = ['killed', 'leaving', 'corrupted', 'doubled', 'lost with what it sent'] as const;

  it.each(CASES)('completes with the same tokens when a stage is %s, whichever and whenever', async (how) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 23 }), async (stage, at) => {
        network = networkOf(split(2, 4), 2);
        let tokens = 0;
        let armed = false;
        let victim = '';
        network.onActivation = (from, _to, bytes) => {
          if (!armed || from !== victim || bytes.byteLength < 24) return bytes;
          armed = false;
          const changed = bytes.slice();
          if (how === 'corrupted') changed[changed.length - 1]! ^= 1;
          if (how === 'doubled') {
            const twice = new Uint8Array(bytes.byteLength * 2);
            twice.set(bytes);
            twice.set(bytes, bytes.byteLength);
            return twice;
          }
          if (how === 'lost with what it sent') {
            network.peers.get(victim as never)?.kill();
            return undefined;
          }
          return changed;
        };
        const events = await collect(network.run(), (event) => {
          if (event.type === 'route' && victim === '') victim = event.stages[stage]?.peer ?? '';
          if (event.type !== 'token' || tokens++ !== at) return;
          const peer = network.peers.get(victim as never);
          if (how === 'killed') peer?.kill();
          else if (how === 'leaving') void peer?.stage.drain();
          else armed = true;
        });
        expect(tokensOf(events)).toEqual(fakeAnswer(chainRequest));
        await vi.waitUntil(() => network.isQuiet(), { timeout: 20_000 });
      }),
      { numRuns: 15 },
    );
  });

  it('completes with the same tokens when a stage stands still, which only a deadline tells', async () => {
    for (const stage of [0, 1, 2]) {
      const clock = new FakeClock();
      network = networkOf(split(2, 4), 2, { clock });
      let victim = '';
      let stands = false;
      let routes = 0;
      // Each stage waits for one frame and says that it lives.
      network.onActivation = (from, _to, bytes) => {
        if (stands || from !== victim) return bytes;
        stands = true;
        return undefined;
      };
      let tokens = 0;
      let route: readonly string[] = [];
      const answer = collect(network.run(), (event) => {
        if (event.type === 'route') routes += 1;
        if (event.type === 'route' && route.length === 0) route = event.stages.map(({ peer }) => peer);
        if (event.type === 'token' && tokens++ === 3) victim = route[stage] as string;
      });
      await vi.waitUntil(() => stands, { interval: 1 });
      const sinceMs = clock.now();
      const goesOn = () => routes > 1;
      while (!goesOn()) await clock.advance(500);
      expect(clock.now() - sinceMs).toBeGreaterThanOrEqual(MIN_TOKEN_ALLOWANCE_MS);
      const events = await answer;
      expect(tokensOf(events)).toEqual(fakeAnswer(chainRequest));
      expect(events).toContainEqual(expect.objectContaining({ type: 'route', reason: 'stage_stalled' }));
      await vi.waitUntil(() => network.isQuiet(), { timeout: 20_000 });
    }
  });

  it('blames the stage that is gone, not the neighbours that notice', async () => {
    network = networkOf(split(2, 4), 2);
    let victim = '';
    const events = await collect(network.run(), (event) => {
      if (event.type === 'route' && victim === '') victim = event.stages[1]?.peer ?? '';
      if (event.type === 'token') network.peers.get(victim as never)?.kill();
    });
    const routes = events.flatMap((event) => (event.type === 'route' ? [event.stages.map(({ peer }) => peer)] : []));
    expect(routes).toHaveLength(2);
    expect(routes[1]?.[0]).toBe(routes[0]?.[0]);
    expect(routes[1]?.[2]).toBe(routes[0]?.[2]);
    expect(routes[1]?.[1]).not.toBe(victim);
  });

  it('tells a stage that is slow from one that is gone', async () => {
    network = new ChainNetwork();
    const release = Promise.withResolvers<void>();
    let waiting = 0;
    network.add(
      'slow',
      { start: 0, end: 3 },
      {
        beforeCompute: async ({ position }) => {
          if (position !== 15) return;
          waiting += 1;
          await release.promise;
        },
      },
    );
    network.add('end', { start: 3, end: 6 });
    const answer = collect(network.run());
    await vi.waitUntil(() => waiting === 1);
    // Longer than a heartbeat: what keeps the session is that the stage says it lives.
    await network.clock.sleep(1_500);
    release.resolve();
    const events = await answer;
    expect(tokensOf(events)).toEqual(fakeAnswer(chainRequest));
    expect(events.at(-1)).toMatchObject({ failovers: 0 });
  });
});
