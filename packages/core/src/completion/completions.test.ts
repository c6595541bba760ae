import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenGatewayError } from '../errors.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import {
  ByteTextCodec,
  FakeClock,
  FakeCoordinator,
  coordinatorEnd,
  coordinatorRoute,
  givingTokens,
} from '../testing/index.ts';
import { createCompletions } from './completions.ts';
import type { ManifestHash, ModelId, PeerName } from '../ids.ts';
import type { CoordinatorEvent, RouteStage } from '../inference/coordinator-types.ts';
import type { FakeRun } from '../testing/index.ts';
import type { CompletionEvent, CompletionRequest } from './types.ts';

const MODEL = 'tiny' as ModelId;
const MANIFEST = 'a'.repeat(64) as ManifestHash;
/** Characters of the prompt that `messages` make: `user: Hi` and a newline. */
const PROMPT_TOKENS = 9;

const request = (over: Partial<CompletionRequest> = {}): CompletionRequest => ({
  model: MODEL,
  messages: [{ role: 'user', content: 'Hi' }],
  sampling: { ...DEFAULT_SAMPLING, seed: 1 },
  stop: [],
  ...over,
});

function setup(script: FakeRun, { contextLength = 4_096 }: { contextLength?: number } = {}) {
  const coordinator = new FakeCoordinator(script);
  const codec = new ByteTextCodec(contextLength);
  const clock = new FakeClock();
  const models = new Map([[MODEL, { manifest: MANIFEST, layerCount: 30, contextLength, codec }]]);
  const completions = createCompletions({ coordinator, models, clock });
  const run = (over: Partial<CompletionRequest> = {}, signal = new AbortController().signal) =>
    completions.run(request(over), { signal });
  const collect = async (over: Partial<CompletionRequest> = {}) => {
    const events: CompletionEvent[] = [];
    for await (const event of run(over)) events.push(event);
    return events;
  };
  return { coordinator, codec, clock, run, collect };
}

/** Few letters, so that stop strings are met. */
const word = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength });

const tokensOf = (text: string) => [...new TextEncoder().encode(text)];
const textOf = (events: readonly CompletionEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
const endOf = (events: readonly CompletionEvent[]) => {
  const end = events.at(-1);
  if (end?.type !== 'end') throw new Error('The last event is no end.');
  return end;
};

/** Gives the tokens of `text`, each with its own logprob. */
const withLogprobs = (text: string): FakeRun =>
  async function* give() {
    yield coordinatorRoute();
    for (const [index, token] of tokensOf(text).entries()) {
      yield {
        type: 'token',
        token,
        logprobs: {
          logprob: -index,
          top: [
            { token, logprob: -index },
            { token: 0x41, logprob: -9 },
          ],
        },
      };
    }
    yield coordinatorEnd();
  };

describe('createCompletions', () => {
  it('renders, encodes and passes the request on', async () => {
    const { coordinator, codec, collect } = setup(givingTokens(tokensOf('Hello')));
    const events = await collect({ maxTokens: 50 });
    expect(codec.encoded).toEqual([[{ role: 'user', content: 'Hi' }]]);
    expect(coordinator.requests).toEqual([
      {
        model: MODEL,
        manifest: MANIFEST,
        layerCount: 30,
        vocabularySize: 257,
        tokens: tokensOf('user: Hi\n'),
        promptTokenCount: PROMPT_TOKENS,
        maxTokens: 50,
        endTokens: [256],
        sampling: { ...DEFAULT_SAMPLING, seed: 1 },
      },
    ]);
    expect(events[0]).toMatchObject({ type: 'route', attempt: 1, promptTokens: PROMPT_TOKENS });
    expect(events[1]).toEqual({ type: 'progress', state: 'prefill', done: 1, total: 1 });
    expect(textOf(events)).toBe('Hello');
    expect(endOf(events)).toEqual({
      type: 'end',
      reason: 'stop',
      usage: { promptTokens: PROMPT_TOKENS, completionTokens: 5 },
      timing: { queuedMs: 1, prefillMs: 2, decodeMs: 3 },
      failovers: 0,
      reports: [],
    });
  });

  it('passes on who computed which layers, how they reach each other, and what it took each', async () => {
    const [first, last] = ['First', 'Last'] as PeerName[];
    const hop = { rttMs: 4, direct: true };
    const stages: RouteStage[] = [
      { peer: first!, engine: 'wasm', layers: { start: 0, end: 10 }, hop },
      { peer: last!, engine: 'webgpu', layers: { start: 10, end: 30 } },
    ];
    const reports = [{ peer: first!, prefillMs: 3, decodeMs: 20, decodeSteps: 4, sentBytes: 96 }];
    const { collect } = setup(async function* chain() {
      yield { type: 'route', stages, attempt: 1 };
      yield { type: 'token', token: 65 };
      yield { ...(coordinatorEnd() as Extract<CoordinatorEvent, { type: 'end' }>), reports };
    });
    const events = await collect();
    expect(events[0]).toMatchObject({ type: 'route', stages });
    expect(endOf(events).reports).toEqual(reports);
    const cut = await collect({ stop: ['A'] });
    expect(endOf(cut).reports).toEqual([]);
  });

  it('gives as many tokens as fit where the request names no limit, or one too high', async () => {
    const roomy = setup(givingTokens([]));
    await roomy.collect();
    expect(roomy.coordinator.requests[0]?.maxTokens).toBe(1_024);
    const tight = setup(givingTokens([]), { contextLength: 20 });
    await tight.collect();
    await tight.collect({ maxTokens: 5_000 });
    await tight.collect({ maxTokens: 3 });
    expect(tight.coordinator.requests.map(({ maxTokens }) => maxTokens)).toEqual([11, 11, 3]);
    const { collect } = setup(givingTokens(tokensOf('abcdef')));
    expect(endOf(await collect({ maxTokens: 4 }))).toMatchObject({ reason: 'length', usage: { completionTokens: 4 } });
  });

  it('refuses a prompt that leaves no room, an unknown model and wrong limits before any run', async () => {
    const { coordinator, collect } = setup(givingTokens([]), { contextLength: PROMPT_TOKENS });
    await expect(collect()).rejects.toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringMatching(/length is 9 tokens, but the prompt has 9 tokens/),
    });
    await expect(collect({ model: 'other' as ModelId })).rejects.toMatchObject({ code: 'model_not_found' });
    for (const over of [
      { maxTokens: 0 },
      { maxTokens: 1.5 },
      { stop: ['a', 'b', 'c', 'd', 'e'] },
      { stop: ['x'.repeat(2_000)] },
    ]) {
      await expect(collect(over)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(coordinator.requests).toEqual([]);
  });

  it('gives whole characters only, and a replacement for one the answer leaves unfinished', async () => {
    const { collect } = setup(givingTokens([...tokensOf('é🚀'), 0xe2, 0x82]));
    const deltas = (await collect()).filter((event) => event.type === 'text-delta');
    expect(deltas.map(({ text, tokens }) => [text, tokens])).toEqual([
      ['é', 2],
      ['🚀', 4],
      ['\ufffd', 2],
    ]);
  });

  it('ends at a stop string, tells the coordinator, and counts what was computed', async () => {
    const { coordinator, clock, collect } = setup(async function* give() {
      yield coordinatorRoute(1);
      await clock.advance(5);
      yield { type: 'progress', state: 'prefill', done: 1, total: 1 };
      await clock.advance(7);
      for (const token of tokensOf('one END two')) {
        yield { type: 'token', token };
        await clock.advance(1);
      }
      yield coordinatorEnd();
    });
    const events = await collect({ stop: ['END', 'zzz'] });
    expect(textOf(events)).toBe('one ');
    expect(endOf(events)).toEqual({
      type: 'end',
      reason: 'stop',
      usage: { promptTokens: PROMPT_TOKENS, completionTokens: 7 },
      timing: { queuedMs: 5, prefillMs: 7, decodeMs: 6 },
      failovers: 0,
      reports: [],
    });
    expect(coordinator).toMatchObject({ aborted: 1, running: 0 });
  });

  it('aborts the coordinator at a stop string before the consumer takes the last text', async () => {
    const { coordinator, run } = setup(givingTokens(tokensOf('ab.cd')));
    for await (const event of run({ stop: ['.'] })) {
      if (event.type === 'text-delta' && event.text === 'b') expect(coordinator.aborted).toBe(0);
      if (event.type === 'end') expect(coordinator).toMatchObject({ aborted: 1, running: 0 });
    }
  });

  it('says stop where the text ends in a stop string that only the end decides', async () => {
    const { collect } = setup(givingTokens(tokensOf('xab')));
    const events = await collect({ stop: ['abc', 'b'] });
    expect(textOf(events)).toBe('xa');
    expect(endOf(events)).toMatchObject({ reason: 'stop', usage: { completionTokens: 3 } });
  });

  it('gives the same text as cutting the whole answer, whatever the stop strings', async () => {
    await fc.assert(
      fc.asyncProperty(word(30), fc.array(word(4), { maxLength: 4 }), async (text, stop) => {
        const { collect } = setup(givingTokens(tokensOf(text)));
        const events = await collect({ stop });
        const cut = Math.min(text.length, ...stop.map((one) => text.indexOf(one)).filter((at) => at >= 0));
        expect(textOf(events)).toBe(text.slice(0, cut));
      }),
      { numRuns: 300 },
    );
  });

  it('gives each token its logprobs with the text it completes', async () => {
    const { collect } = setup(withLogprobs('aé'));
    const deltas = (await collect()).filter((event) => event.type === 'text-delta');
    expect(deltas.map(({ text, logprobs }) => [text, logprobs.map(({ bytes }) => bytes)])).toEqual([
      ['a', [[0x61]]],
      ['é', [[0xc3], [0xa9]]],
    ]);
    expect(deltas[0]?.logprobs[0]).toEqual({
      text: 'a',
      bytes: [0x61],
      logprob: -0,
      top: [
        { text: 'a', bytes: [0x61], logprob: -0 },
        { text: 'A', bytes: [0x41], logprob: -9 },
      ],
    });
    expect(deltas[1]?.logprobs[0]?.text).toBe('\ufffd');
  });

  it('leaves out the logprobs of a stop string', async () => {
    const { collect } = setup(withLogprobs('ab--c'));
    const events = await collect({ stop: ['--'] });
    const logprobs = events.flatMap((event) => (event.type === 'text-delta' ? event.logprobs : []));
    expect(logprobs.map(({ text }) => text).join('')).toBe('ab');
    expect(endOf(events).usage.completionTokens).toBe(4);
  });

  it('counts control tokens inside an answer though they have no text', async () => {
    const { collect } = setup(givingTokens([0x61, 256, 0x62]));
    const events = await collect();
    expect(textOf(events)).toBe('ab');
    expect(endOf(events).usage.completionTokens).toBe(3);
    expect(events.reduce((sum, event) => sum + (event.type === 'text-delta' ? event.tokens : 0), 0)).toBe(3);
  });

  it('tells of every route and passes on failures', async () => {
    const lost = new OpenGatewayError('no_route', 'Nobody is left.', { retryable: true });
    const { run } = setup(async function* fail() {
      yield coordinatorRoute(1);
      yield { type: 'token', token: 0x61 };
      yield coordinatorRoute(2);
      throw lost;
    });
    const events: CompletionEvent[] = [];
    await expect(
      (async () => {
        for await (const event of run()) events.push(event);
      })(),
    ).rejects.toBe(lost);
    expect(events.map((event) => (event.type === 'route' ? event.attempt : event.type))).toEqual([1, 'text-delta', 2]);
  });

  it('fails where a run ends without an end', async () => {
    const { collect } = setup(async function* cut() {
      yield coordinatorRoute(1);
    });
    await expect(collect()).rejects.toMatchObject({ code: 'run_cut_short' });
  });

  it('pulls no further than its consumer', async () => {
    const { coordinator, run } = setup(givingTokens(tokensOf('a'.repeat(100))));
    const iterator = run()[Symbol.asyncIterator]();
    for (let pulls = 1; pulls <= 4; pulls += 1) {
      await iterator.next();
      expect(coordinator.pulled).toBe(pulls);
    }
    await iterator.return?.();
    expect(coordinator).toMatchObject({ aborted: 1, running: 0, pulled: 4 });
  });

  it('aborts the coordinator as soon as the consumer leaves, also while it waits for a token', async () => {
    const { coordinator, run } = setup(async function* hang(_request, signal) {
      yield coordinatorRoute(1);
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    });
    const iterator = run()[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(coordinator).toMatchObject({ aborted: 1, running: 0 });
  });

  it("rejects with the signal's reason when aborted, before or during the run", async () => {
    const reason = new OpenGatewayError('client_gone', 'gone');
    const { coordinator, run } = setup(givingTokens(tokensOf('abc')));
    const before = AbortSignal.abort(reason);
    await expect(run({}, before)[Symbol.asyncIterator]().next()).rejects.toBe(reason);
    expect(coordinator.requests).toEqual([]);
    const controller = new AbortController();
    const iterator = run({}, controller.signal)[Symbol.asyncIterator]();
    await iterator.next();
    controller.abort(reason);
    await expect(iterator.next()).rejects.toBe(reason);
    expect(coordinator.running).toBe(0);
  });
});
