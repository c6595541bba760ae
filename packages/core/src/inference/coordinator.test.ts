import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode, OpenGatewayError } from '../errors.ts';
import { PromptTooLongError } from '../generation/errors.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { ManifestHash, ModelId, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import type { PeerRegistryWriter } from '../membership/peer-registry.ts';
import { toHttpFailure } from '../openai/error-body.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { FAKE_VOCABULARY, fakeAnswer, FakeGenerator } from '../testing/fake-generator.ts';
import type { FakeGeneratorInit } from '../testing/fake-generator.ts';
import { createCoordinator } from './coordinator.ts';
import type { CoordinatorInit, LocalStage, MeasuredCoordinator } from './coordinator.ts';
import type { CoordinatorEvent, CoordinatorRequest } from './coordinator-types.ts';
import { SessionLostError, StageBusyError } from './errors.ts';
import { openLocalSession } from './local-session.ts';
import type { OpenSession, StageEvent, StageSession } from './stage-session.ts';

const MANIFEST = 'a'.repeat(64) as ManifestHash;

const request: CoordinatorRequest = {
  model: 'fake' as ModelId,
  manifest: MANIFEST,
  layerCount: 4,
  vocabularySize: FAKE_VOCABULARY,
  tokens: [1, 2, 3],
  promptTokenCount: 3,
  maxTokens: 20,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 7 },
};

const served: ServedModel = {
  id: 'fake',
  manifest: MANIFEST,
  layers: [0, 4],
  engine: 'wasm',
  contextLength: 2048,
  slots: 8,
  freeSlots: 8,
  queued: 0,
  decodeTokensPerSecond: 100,
  prefillTokensPerSecond: 1000,
};

/** A peer in memory: its generator, and what befalls its sessions. */
interface FakePeer {
  readonly generator: FakeGenerator;
  /** Replaces or drops what the peer says; throwing loses the session. */
  disturb?: (event: StageEvent, index: number) => StageEvent | undefined;
  opened: number;
  /** Says nothing after `accepted` but that it is at the start of its prefill, every second. */
  beats?: boolean;
}

let clock: FakeClock;
let registry: PeerRegistryWriter;
let peers: Map<PeerName, FakePeer>;
let sequence: number;

beforeEach(() => {
  clock = new FakeClock();
  registry = createPeerRegistry({ clock });
  peers = new Map();
  sequence = 0;
});

function announce(name: string, change: Partial<ServedModel> = {}): void {
  registry.offer(name as PeerName, {
    v: 1,
    sequence: (sequence += 1),
    run: 1,
    state: 'serving',
    kind: 'node',
    models: [{ ...served, ...change }],
  });
}

function addPeer(name: string, init: FakeGeneratorInit = {}, change: Partial<ServedModel> = {}): FakePeer {
  const peer: FakePeer = { generator: new FakeGenerator(init), opened: 0 };
  peers.set(name as PeerName, peer);
  announce(name, change);
  return peer;
}

const openSession: OpenSession = (name, sessionRequest, options) => {
  const peer = peers.get(name);
  if (peer === undefined) return Promise.reject(new SessionLostError('gone'));
  peer.opened += 1;
  const session = openLocalSession(peer.generator, sessionRequest, options);
  let index = 0;
  const disturbed: StageSession = {
    async next() {
      if (peer.beats === true && index++ > 0) {
        await clock.sleep(1_000, options.signal);
        return { type: 'progress', state: 'prefill', done: 0, total: 3 };
      }
      for (;;) {
        const event = await session.next();
        const changed = peer.disturb === undefined ? event : peer.disturb(event, index);
        index += 1;
        if (changed !== undefined) return changed;
      }
    },
    finish: () => session.finish(),
    close: () => session.close(),
  };
  return Promise.resolve(disturbed);
};

function coordinator(init: CoordinatorInit = {}, local?: LocalStage): MeasuredCoordinator {
  return createCoordinator({ registry, openSession, rttMs: () => 1, clock, random: () => 0.5, local }, init);
}

const live = () => new AbortController().signal;

async function collect(events: AsyncIterable<CoordinatorEvent>): Promise<CoordinatorEvent[]> {
  const all: CoordinatorEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const tokensOf = (events: readonly CoordinatorEvent[]) =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));

const failureOf = (events: AsyncIterable<CoordinatorEvent>) =>
  collect(events).then(
    () => 'no failure',
    (error: unknown) => errorCode(error) ?? String(error),
  );

/** Loses the session at the `count`-th token. */
const dieAtToken = (count: number) => {
  let tokens = 0;
  return (event: StageEvent): StageEvent => {
    if (event.type === 'token' && ++tokens > count) throw new SessionLostError('killed');
    return event;
  };
};

describe('an undisturbed request', () => {
  it('gives route, progress, tokens and end in this order', async () => {
    addPeer('p1');
    const events = await collect(coordinator().run(request, { signal: live() }));
    expect(events.map(({ type }) => type)).toEqual([
      'route',
      'progress',
      'progress',
      ...Array.from({ length: 20 }, () => 'token'),
      'end',
    ]);
    expect(events[0]).toEqual({
      type: 'route',
      stages: [{ peer: 'p1', engine: 'wasm', layers: { start: 0, end: 4 } }],
      attempt: 1,
    });
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.at(-1)).toMatchObject({ reason: 'length', failovers: 0 });
  });

  it('goes to the peer with the lowest expected finish', async () => {
    const slow = addPeer('slow', {}, { decodeTokensPerSecond: 5 });
    const fast = addPeer('fast', {}, { decodeTokensPerSecond: 90 });
    await collect(coordinator().run(request, { signal: live() }));
    expect([slow.opened, fast.opened]).toEqual([0, 1]);
  });

  it('is answered on this device where that is faster', async () => {
    const remote = addPeer('remote', {}, { decodeTokensPerSecond: 5 });
    const generator = new FakeGenerator();
    const local: LocalStage = { peer: 'self' as PeerName, generator, served: () => served };
    const events = await collect(coordinator({}, local).run(request, { signal: live() }));
    expect(remote.opened).toBe(0);
    expect(generator.requests).toHaveLength(1);
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
  });

  it('spreads requests that come together over equal peers', async () => {
    const all = ['p1', 'p2', 'p3', 'p4'].map((name) => addPeer(name));
    const running = coordinator();
    const runs = Array.from({ length: 8 }, () => collect(running.run(request, { signal: live() })));
    await Promise.all(runs);
    expect(all.map(({ opened }) => opened)).toEqual([2, 2, 2, 2]);
  });

  it('fails with no_route where nobody serves the model', async () => {
    expect(await failureOf(coordinator().run(request, { signal: live() }))).toBe('no_route');
  });

  it('fails with context_length_exceeded where every context is too short', async () => {
    addPeer('p1', {}, { contextLength: 3 });
    expect(await failureOf(coordinator().run(request, { signal: live() }))).toBe('context_length_exceeded');
  });
});

describe('failover', () => {
  it('continues with prompt and tokens so far, the same seed and fewer tokens to make', async () => {
    addPeer('p1', {}, { decodeTokensPerSecond: 900 }).disturb = dieAtToken(5);
    const second = addPeer('p2');
    const events = await collect(coordinator().run(request, { signal: live() }));
    const answer = fakeAnswer(request);
    expect(tokensOf(events)).toEqual(answer);
    expect(second.generator.requests[0]).toMatchObject({
      tokens: [...request.tokens, ...answer.slice(0, 5)],
      promptTokenCount: 3,
      maxTokens: 15,
      sampling: request.sampling,
    });
    const routes = events.filter((event) => event.type === 'route');
    expect(routes.map(({ attempt, reason }) => [attempt, reason])).toEqual([
      [1, undefined],
      [2, 'session_lost'],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'end', failovers: 1 });
  });

  it('loses and doubles no token, whoever dies when', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          deaths: fc.array(fc.array(fc.nat(25), { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
          maxTokens: fc.integer({ min: 1, max: 40 }),
          seed: fc.nat(),
          stopEvery: fc.constantFrom(7, 50, Infinity),
          how: fc.constantFrom('reset', 'leaving', 'engine_failed', 'internal_error'),
        }),
        async ({ deaths, maxTokens, seed, stopEvery, how }) => {
          clock = new FakeClock();
          registry = createPeerRegistry({ clock });
          peers = new Map();
          deaths.forEach((times, index) => {
            const peer = addPeer(`p${index}`, { stopEvery });
            const pending = [...times];
            let tokens = 0;
            peer.disturb = (event) => {
              if (event.type === 'accepted') tokens = 0;
              if (event.type !== 'token' || pending[0] === undefined || tokens++ < pending[0]) return event;
              pending.shift();
              if (how === 'reset') throw new SessionLostError('killed');
              if (how === 'leaving') return { type: 'leaving' };
              return { type: 'error', error: { name: 'Error', code: how, message: '', retryable: false } };
            };
          });
          addPeer('survivor', { stopEvery });
          const drawn = { ...request, maxTokens, sampling: { ...request.sampling, seed } };
          const events = await collect(coordinator().run(drawn, { signal: live() }));
          expect(tokensOf(events)).toEqual(fakeAnswer(drawn, stopEvery));
          expect(events.at(-1)?.type).toBe('end');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('ends by itself where the peer died after the last token allowed', async () => {
    addPeer('p1').disturb = (event) => {
      if (event.type === 'end') throw new SessionLostError('killed');
      return event;
    };
    const events = await collect(coordinator().run(request, { signal: live() }));
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length', failovers: 1 });
  });

  it('counts a silent peer as lost', async () => {
    const stuck = addPeer(
      'stuck',
      { beforeToken: ({ index }) => (index < 3 ? Promise.resolve() : new Promise(() => {})) },
      {
        decodeTokensPerSecond: 900,
      },
    );
    addPeer('p2');
    const events = collect(coordinator().run(request, { signal: live() }));
    await settle();
    expect(stuck.generator.running).toBe(1);
    await clock.advance(5_100);
    expect(tokensOf(await events)).toEqual(fakeAnswer(request));
    expect(stuck.generator.aborted).toBe(1);
  });

  it('goes on elsewhere from a peer that says more than it was asked', async () => {
    const liar = addPeer('liar', {}, { decodeTokensPerSecond: 900 });
    liar.disturb = (event) => (event.type === 'end' ? { type: 'token', token: 5 } : event);
    addPeer('p2');
    const events = await collect(coordinator().run(request, { signal: live() }));
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
  });

  it('prefers others for a while over a peer that was lost', async () => {
    const flaky = addPeer('flaky', {}, { decodeTokensPerSecond: 900 });
    flaky.disturb = dieAtToken(2);
    const steady = addPeer('steady');
    const running = coordinator();
    await collect(running.run(request, { signal: live() }));
    delete flaky.disturb;
    announce('flaky', { decodeTokensPerSecond: 900 });
    await collect(running.run(request, { signal: live() }));
    expect([flaky.opened, steady.opened]).toEqual([1, 2]);
    await clock.advance(30_001);
    announce('steady');
    announce('flaky', { decodeTokensPerSecond: 900 });
    await collect(running.run(request, { signal: live() }));
    expect(flaky.opened).toBe(2);
  });

  it('waits for a peer to appear when the last one is lost, then goes on', async () => {
    addPeer('p1').disturb = dieAtToken(4);
    const events = collect(coordinator().run(request, { signal: live() }));
    await clock.advance(3_000);
    addPeer('late');
    expect(tokensOf(await events)).toEqual(fakeAnswer(request));
  });

  it('fails with route_lost, retryable, when nobody appears in time', async () => {
    addPeer('p1').disturb = dieAtToken(4);
    const failure = collect(coordinator({ rerouteWaitMs: 5_000 }).run(request, { signal: live() })).catch(
      (error: unknown) => error,
    );
    await settle();
    await clock.advance(6_000);
    expect(await failure).toMatchObject({ code: 'route_lost', retryable: true });
  });

  it('gives up after a bounded number of losses without a token', async () => {
    for (let index = 0; index < 20; index++) addPeer(`p${index}`).disturb = dieAtToken(0);
    expect(await failureOf(coordinator().run(request, { signal: live() }))).toBe('no_route');
    expect([...peers.values()].reduce((sum, { opened }) => sum + opened, 0)).toBe(6);
  });

  it('gives up when two peers say the same of the request, in its own words', async () => {
    const refusing = ['p1', 'p2', 'p3'].map((name) =>
      addPeer(name, { onStart: () => Promise.reject(new PromptTooLongError(9, 8)) }),
    );
    const failure = collect(coordinator().run(request, { signal: live() })).catch((error: unknown) => error);
    expect(await failure).toMatchObject({
      code: 'context_length_exceeded',
      message: 'The peers that serve this model refuse a request of this length.',
    });
    expect(refusing.reduce((sum, { opened }) => sum + opened, 0)).toBe(2);
  });

  it.each([
    'context_length_exceeded',
    'protocol_violation',
    'malformed_message',
    'message_too_large',
    'invalid_generation',
    'unheard_of',
  ])('does not believe one peer that reports %s', async (code) => {
    const liar = addPeer('liar', {}, { decodeTokensPerSecond: 900 });
    liar.disturb = () => ({
      type: 'error',
      error: { name: 'X', code, message: 'visit evil.example', retryable: false },
    });
    const honest = addPeer('honest');
    const running = coordinator();
    const events = await collect(running.run(request, { signal: live() }));
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.at(-1)).toMatchObject({ failovers: 1 });
    await collect(running.run(request, { signal: live() }));
    // Asked last from now on, unless its code blames nobody.
    expect([liar.opened, honest.opened]).toEqual(code === 'invalid_generation' ? [2, 2] : [1, 2]);
  });

  it.each(['protocol_violation', 'malformed_message', 'message_too_large', 'invalid_generation', 'unheard_of'])(
    "fails with a code of its own and without a peer's words where all report %s",
    async (code) => {
      for (let index = 0; index < 8; index++) {
        addPeer(`p${index}`).disturb = () => ({
          type: 'error',
          error: { name: 'X', code, message: 'visit evil.example', retryable: false },
        });
      }
      const error = await collect(coordinator().run(request, { signal: live() })).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'no_route', retryable: true });
      expect(String(error) + String((error as Error).cause)).not.toContain('evil');
      expect(toHttpFailure(error).status).toBe(503);
    },
  );

  it('goes on elsewhere from a peer whose token is not in the vocabulary, and does not pass the token on', async () => {
    const liar = addPeer('liar', {}, { decodeTokensPerSecond: 900 });
    liar.disturb = (event) => (event.type === 'token' ? { type: 'token', token: FAKE_VOCABULARY } : event);
    const honest = addPeer('honest');
    const running = coordinator();
    expect(tokensOf(await collect(running.run(request, { signal: live() })))).toEqual(fakeAnswer(request));
    expect(honest.generator.requests[0]?.tokens).toEqual(request.tokens);
    await collect(running.run(request, { signal: live() }));
    expect(liar.opened).toBe(1);
  });

  it('goes on elsewhere from a peer that sends log-probabilities nobody asked for, or none where asked', async () => {
    const logprobs = { logprob: -1, top: [] };
    const chatty = addPeer('chatty', {}, { decodeTokensPerSecond: 900 });
    chatty.disturb = (event) => (event.type === 'token' ? { ...event, logprobs } : event);
    addPeer('honest');
    const plain = await collect(coordinator().run(request, { signal: live() }));
    expect(plain.filter((event) => event.type === 'token' && event.logprobs !== undefined)).toEqual([]);
    expect(plain.at(-1)).toMatchObject({ failovers: 1 });

    const asked = { ...request, sampling: { ...request.sampling, topLogprobs: 0 } };
    announce('chatty', { decodeTokensPerSecond: 1 });
    const rich = await collect(coordinator().run(asked, { signal: live() }));
    expect(tokensOf(rich)).toEqual(fakeAnswer(request));
    expect(rich.at(-1)).toMatchObject({ failovers: 1 });
  });

  it('counts a peer as lost that lives but gets nowhere', async () => {
    const stuck = addPeer('stuck', {}, { decodeTokensPerSecond: 900 });
    stuck.beats = true;
    addPeer('p2');
    const running = coordinator();
    const events = collect(running.run(request, { signal: live() }));
    for (let second = 0; second < 32; second++) {
      await clock.advance(1_000);
      announce('p2');
    }
    expect(running.stats()).toEqual({ running: 0, waiting: 0, failovers: 1 });
    const all = await events;
    expect(tokensOf(all)).toEqual(fakeAnswer(request));
    expect(all.filter((event) => event.type === 'route').map(({ reason }) => reason)).toEqual([
      undefined,
      'stage_stalled',
    ]);
  });

  it('blames no peer for logits that its parameters spoilt', async () => {
    const failing = addPeer('failing', {}, { decodeTokensPerSecond: 900 });
    failing.disturb = () => ({
      type: 'error',
      error: { name: 'InvalidLogitsError', code: 'invalid_logits', message: '', retryable: true },
    });
    addPeer('p2');
    const running = coordinator();
    await collect(running.run(request, { signal: live() }));
    await collect(running.run(request, { signal: live() }));
    expect(failing.opened).toBe(2);
  });

  it('tells how many peers were lost, not only how often', async () => {
    const only = addPeer('only');
    only.disturb = dieAtToken(0);
    const failure = collect(coordinator().run(request, { signal: live() })).catch((error: unknown) => error);
    for (let count = 0; count < 8; count++) {
      await settle();
      await clock.advance(1_000);
      announce('only');
    }
    expect(await failure).toMatchObject({
      code: 'no_route',
      message: 'The answer was begun and lost 6 times, on one peer.',
    });
  });
});

const busy = () => Promise.reject(new StageBusyError('full'));
const cacheFull = () => Promise.reject(new OpenGatewayError('kv_cache_full', 'full', { retryable: true }));

describe('full peers', () => {
  it('are passed over for one with a place', async () => {
    addPeer('p1', { onStart: busy }, { decodeTokensPerSecond: 900 });
    addPeer('p2', { onStart: cacheFull }, { decodeTokensPerSecond: 800 });
    addPeer('p3');
    const events = await collect(coordinator().run(request, { signal: live() }));
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.at(-1)).toMatchObject({ failovers: 0 });
  });

  it('are waited for in order, with progress, until a place is free', async () => {
    let full = true;
    addPeer('p1', { onStart: () => (full ? busy() : Promise.resolve()) });
    const running = coordinator();
    const finished: number[] = [];
    const runs = [0, 1, 2].map(async (index) => {
      const events = await collect(running.run(request, { signal: live() }));
      finished.push(index);
      return events;
    });
    await clock.advance(1_500);
    expect(running.stats()).toMatchObject({ waiting: 3 });
    full = false;
    await clock.advance(1_500);
    const all = await Promise.all(runs);
    expect(finished).toEqual([0, 1, 2]);
    expect(all[2]?.[0]).toEqual({ type: 'progress', state: 'queued', done: 2, total: 3 });
    expect(all.map(tokensOf)).toEqual([0, 1, 2].map(() => fakeAnswer(request)));
    expect(running.stats()).toEqual({ running: 0, waiting: 0, failovers: 0 });
  });

  it('fail a request with capacity after a bounded wait', async () => {
    addPeer('p1', { onStart: busy });
    const failure = failureOf(coordinator({ capacityWaitMs: 10_000 }).run(request, { signal: live() }));
    for (let index = 0; index < 6; index++) {
      await clock.advance(2_000);
      announce('p1');
    }
    expect(await failure).toBe('capacity');
  });

  it('fail a request with capacity at once where the line is full', async () => {
    addPeer('p1', { onStart: busy });
    const running = coordinator({ maxWaitingRequests: 2 });
    const aborts = [0, 1].map(() => new AbortController());
    const waiting = aborts.map(({ signal }) => failureOf(running.run(request, { signal })));
    await settle();
    expect(await failureOf(running.run(request, { signal: live() }))).toBe('capacity');
    for (const abort of aborts) abort.abort(new Error('enough'));
    expect(await Promise.all(waiting)).toEqual(['Error: enough', 'Error: enough']);
    expect(running.stats().waiting).toBe(0);
  });

  it('are waited for by clients in turn, one request each', async () => {
    let full = true;
    addPeer('p1', { onStart: () => (full ? busy() : Promise.resolve()) });
    const running = coordinator();
    const finished: string[] = [];
    const runs = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map(async (name) => {
      const asked = { ...request, client: name.slice(0, 1) };
      const events = await collect(running.run(asked, { signal: live() }));
      finished.push(name);
      return events;
    });
    await clock.advance(1_500);
    full = false;
    await clock.advance(1_500);
    const all = await Promise.all(runs);
    expect(finished).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    expect(all[5]?.[0]).toEqual({ type: 'progress', state: 'queued', done: 4, total: 6 });
    expect(running.stats()).toEqual({ running: 0, waiting: 0, failovers: 0 });
  });

  it('fail the last of the client with the most with capacity where the line is full and another comes', async () => {
    let full = true;
    addPeer('p1', { onStart: () => (full ? busy() : Promise.resolve()) });
    const running = coordinator({ maxWaitingRequests: 3 });
    const ask = (client: string) => failureOf(running.run({ ...request, client }, { signal: live() }));
    const greedy = [ask('a'), ask('a'), ask('a')];
    await clock.advance(500);
    const modest = ask('b');
    await clock.advance(500);
    expect(await greedy[2]).toBe('capacity');
    expect(await ask('a')).toBe('capacity');
    full = false;
    await clock.advance(1_500);
    expect(await Promise.all([greedy[0], greedy[1], modest])).toEqual(['no failure', 'no failure', 'no failure']);
  });

  it('are waited for in order of arrival, not of the answers that they are full', async () => {
    let full = true;
    const reply = Promise.withResolvers<void>();
    let starts = 0;
    addPeer('p1', {
      onStart: async () => {
        starts += 1;
        if (starts === 1) await reply.promise;
        if (full) await busy();
      },
    });
    const running = coordinator();
    const finished: number[] = [];
    const run = (index: number) =>
      collect(running.run(request, { signal: live() })).then((events) => {
        finished.push(index);
        return events;
      });
    const first = run(0);
    await settle();
    const second = run(1);
    await settle();
    reply.resolve();
    await settle();
    full = false;
    await clock.advance(3_000);
    const all = await Promise.all([first, second]);
    expect(finished).toEqual([0, 1]);
    expect(all[0]?.[0]).toEqual({ type: 'progress', state: 'queued', done: 0, total: 2 });
    expect(all[1]?.[0]).toEqual({ type: 'progress', state: 'queued', done: 0, total: 1 });
  });
});

describe('a client that goes away', () => {
  it('ends the session at once, even while nobody reads', async () => {
    const { generator } = addPeer('p1');
    const running = coordinator();
    const abort = new AbortController();
    const events = running.run(request, { signal: abort.signal })[Symbol.asyncIterator]();
    while ((await events.next()).value?.type !== 'token');
    expect(running.stats().running).toBe(1);
    abort.abort(new Error('gone'));
    expect(running.stats().running).toBe(0);
    await settle();
    expect(generator.running).toBe(0);
    await expect(events.next()).rejects.toThrow('gone');
  });

  it('ends the session when it stops iterating', async () => {
    const { generator } = addPeer('p1');
    const running = coordinator();
    for await (const event of running.run(request, { signal: live() })) if (event.type === 'token') break;
    await settle();
    expect(generator.running).toBe(0);
    expect(running.stats().running).toBe(0);
  });
});
