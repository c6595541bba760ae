import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { ManifestHash, PeerName, SessionId } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { fakeAnswer, FakeGenerator } from '../testing/fake-generator.ts';
import type { FakeGeneratorInit } from '../testing/fake-generator.ts';
import { encodeMessage } from '../wire/codec.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { createMessageChannel } from '../wire/message-channel.ts';
import { packTokens } from '../wire/token-ids.ts';
import { INITIAL_CREDIT_TOKENS } from './constants.ts';
import { stageMessageSchema } from './messages.ts';
import type { OpenMessage, StageMessage } from './messages.ts';
import { openRemoteSession } from './remote-session.ts';
import { createStage } from './stage.ts';
import type { Stage, StageInit } from './stage.ts';
import type { SessionRequest, StageEvent, StageSession } from './stage-session.ts';

const MANIFEST = 'e'.repeat(64) as ManifestHash;
const PEER = 'coordinator' as PeerName;

const served: ServedModel = {
  id: 'fake',
  manifest: MANIFEST,
  layers: [0, 4],
  engine: 'wasm',
  contextLength: 4_096,
  slots: 8,
  freeSlots: 8,
  queued: 0,
  decodeTokensPerSecond: 100,
  prefillTokensPerSecond: 1_000,
};

const request: SessionRequest = {
  session: 's1' as SessionId,
  manifest: MANIFEST,
  layers: { start: 0, end: 4 },
  tokens: [5, 6, 7],
  promptTokenCount: 3,
  maxTokens: 12,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 3 },
};

const open: OpenMessage = {
  type: 'open',
  v: 1,
  session: 's1',
  model: MANIFEST,
  layers: [0, 4],
  tokens: packTokens(request.tokens),
  promptTokenCount: 3,
  maxTokens: 12,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, logitBias: [], seed: 3 },
  credit: 100,
};

let clock: FakeClock;
let generator: FakeGenerator;
let stage: Stage;

function setUp(init: FakeGeneratorInit = {}, stageInit: StageInit = {}): void {
  clock = new FakeClock();
  generator = new FakeGenerator(init);
  stage = createStage({ generator, clock, served: () => [served] }, stageInit);
}

beforeEach(() => setUp());

/** A stream whose far end the stage serves. */
async function connect(): Promise<{ stream: Stream; ended: Promise<void> }> {
  const [stream, far] = await streamPair();
  return { stream, ended: stage.handle(far, PEER) };
}

async function openSession(change: Partial<SessionRequest> = {}): Promise<StageSession> {
  const { stream } = await connect();
  return openRemoteSession(stream, { ...request, ...change }, { signal: new AbortController().signal });
}

async function read(session: StageSession): Promise<StageEvent[]> {
  const events: StageEvent[] = [];
  for (;;) {
    const event = await session.next();
    events.push(event);
    if (event.type === 'end' || event.type === 'error' || event.type === 'leaving') return events;
  }
}

const tokensOf = (events: readonly StageEvent[]) =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));

/** What the stage says to an `open` changed by hand. */
async function answerTo(change: Partial<Record<keyof OpenMessage, unknown>>): Promise<StageMessage | undefined> {
  const { stream } = await connect();
  const channel = createMessageChannel(stream, { readAheadBytes: 20_000 });
  await channel.send({ ...open, ...change });
  return channel.receive(stageMessageSchema, { maxBytes: 16_384 });
}

const refusal = async (change: Partial<Record<keyof OpenMessage, unknown>>) => {
  const message = await answerTo(change);
  return message?.type === 'error' ? message.error.code : message?.type;
};

describe('a stage', () => {
  it('says accepted, progress, tokens and end', async () => {
    const events = await read(await openSession());
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual(['accepted', 'progress', 'progress']);
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length' });
    expect(generator.requests[0]).toEqual({
      manifest: request.manifest,
      tokens: request.tokens,
      promptTokenCount: 3,
      maxTokens: 12,
      endTokens: [0],
      sampling: request.sampling,
    });
  });

  it('carries a prompt of the longest context', async () => {
    stage = createStage({ generator, clock, served: () => [{ ...served, contextLength: 131_073 }] });
    const tokens = Array.from({ length: 131_072 }, (_, index) => index);
    const events = await read(await openSession({ tokens, maxTokens: 2 }));
    expect(tokensOf(events)).toEqual(fakeAnswer({ ...request, tokens, maxTokens: 2 }));
  });

  it('carries logprobs to the bit, the impossible ones clamped', async () => {
    const logprobs = {
      logprob: -0.1234567890123456,
      top: [
        { token: 1, logprob: 1e-9 },
        { token: 2, logprob: -Infinity },
      ],
    };
    stage = createStage({
      clock,
      served: () => [served],
      generator: {
        async *generate() {
          yield { type: 'token', token: 9, logprobs };
          yield { type: 'end', reason: 'stop', timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0 } };
        },
      },
    });
    const events = await read(await openSession());
    expect(events[1]).toEqual({
      type: 'token',
      token: 9,
      logprobs: {
        logprob: logprobs.logprob,
        top: [
          { token: 1, logprob: 0 },
          { token: 2, logprob: -9_999 },
        ],
      },
    });
  });

  it('refuses with the code of what is wrong', async () => {
    expect(await refusal({ model: 'f'.repeat(64) })).toBe('model_not_served');
    expect(await refusal({ layers: [0, 3] })).toBe('model_not_served');
    expect(await refusal({ promptTokenCount: 4 })).toBe('protocol_violation');
    expect(await refusal({ tokens: new Uint8Array(4_096 * 4) })).toBe('context_length_exceeded');
    expect(await refusal({ v: 2 })).toBe('malformed_message');
    expect(await refusal({ tokens: new Uint8Array(5) })).toBe('malformed_message');
    expect(await refusal({ maxTokens: 0 })).toBe('malformed_message');
    for (const repetitionPenalty of [1e-308, 101]) {
      expect(await refusal({ sampling: { ...open.sampling, repetitionPenalty } })).toBe('malformed_message');
    }
    expect(generator.requests).toHaveLength(0);
  });

  it('refuses new sessions while paused and takes them again after', async () => {
    stage.pause();
    expect(await refusal({})).toBe('engine_busy');
    stage.resume();
    expect(await refusal({})).toBe('accepted');
  });

  it('refuses sessions over its cap per peer', async () => {
    setUp({ beforeToken: () => new Promise(() => {}) }, { maxSessionsPerPeer: 2 });
    const sessions = [await openSession(), await openSession()];
    for (const session of sessions) expect(await session.next()).toEqual({ type: 'accepted' });
    expect(await refusal({})).toBe('engine_busy');
    expect(stage.sessions()).toBe(2);
  });

  it('passes on the code of a generator that fails', async () => {
    setUp({
      onStart: () => Promise.reject(Object.assign(new Error('full'), { code: 'kv_cache_full', retryable: true })),
    });
    expect(await read(await openSession())).toEqual([
      { type: 'error', error: { name: 'Error', code: 'kv_cache_full', message: 'full', retryable: true } },
    ]);
  });

  it.each([
    ['resets the stream', (stream: Stream) => stream.abort(new Error('gone'))],
    ['closes the stream', (stream: Stream) => void stream.close()],
    ['says cancel', (stream: Stream) => void stream.send(addLengthPrefix(encodeMessage({ type: 'cancel' })))],
  ])('aborts the generator when the coordinator %s', async (_name, leave) => {
    const blocked = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    setUp({
      beforeToken: ({ index, signal }) => {
        if (index < 2) return Promise.resolve();
        signal.addEventListener('abort', () => aborted.resolve());
        blocked.resolve();
        return new Promise(() => {});
      },
    });
    const { stream, ended } = await connect();
    const session = await openRemoteSession(stream, request, { signal: new AbortController().signal });
    while ((await session.next()).type !== 'token');
    await blocked.promise;
    leave(stream);
    await aborted.promise;
    await ended;
    expect(stage.sessions()).toBe(0);
  });

  it('gives up a stream on which no complete first message comes in time', async () => {
    const { stream, ended } = await connect();
    stream.send(Uint8Array.of(200, 1, 1));
    await settle();
    await clock.advance(10_000);
    await clock.advance(1_000);
    await ended;
    expect(generator.requests).toHaveLength(0);
  });

  it('computes no more than the credit it was given, and loses patience with a reader that stalls', async () => {
    const { stream } = await connect();
    const channel = createMessageChannel(stream, { readAheadBytes: 20_000 });
    await channel.send({ ...open, maxTokens: 1_000, credit: 4 });
    const receive = () => channel.receive(stageMessageSchema, { maxBytes: 16_384 });
    for (let count = 0; count < 3 + 4; count++) await receive();
    await clock.advance(5_000);
    await channel.send({ type: 'credit', tokens: 1 });
    expect(await receive()).toMatchObject({ type: 'token' });
    const last = receive();
    await clock.advance(30_000);
    expect(await last).toMatchObject({ type: 'error', error: { code: 'reader_stalled', retryable: true } });
    expect(generator.running).toBe(0);
  });

  it('is given more credit as its tokens are read', async () => {
    const maxTokens = INITIAL_CREDIT_TOKENS * 3;
    const events = await read(await openSession({ maxTokens }));
    expect(tokensOf(events)).toHaveLength(maxTokens);
  });

  it('sends heartbeats while its engine is silent, and ends the session when that lasts', async () => {
    setUp({ beforeToken: () => new Promise(() => {}) });
    const session = await openSession();
    for (let count = 0; count < 3; count++) await session.next();
    await settle();
    for (let beat = 0; beat < 3; beat++) {
      await clock.advance(1_000);
      expect(await session.next()).toEqual({ type: 'progress', state: 'prefill', done: 3, total: 3 });
    }
    const rest = read(session);
    await clock.advance(60_000);
    expect((await rest).at(-1)).toMatchObject({ type: 'error', error: { code: 'engine_failed', retryable: true } });
  });

  it('tells running sessions that it leaves and ends them', async () => {
    setUp({ beforeToken: ({ index }) => (index < 2 ? Promise.resolve() : new Promise(() => {})) });
    const session = await openSession();
    while ((await session.next()).type !== 'token');
    const rest = read(session);
    const drained = stage.drain();
    expect((await rest).at(-1)).toEqual({ type: 'leaving' });
    session.close();
    await drained;
    expect(stage.sessions()).toBe(0);
    expect(generator.aborted).toBe(1);
    expect(await refusal({})).toBe('engine_busy');
  });

  it('leaves in bounded time past a coordinator that does not end its streams', async () => {
    setUp({ beforeToken: () => new Promise(() => {}) });
    const session = await openSession();
    await session.next();
    const drained = stage.drain();
    await settle();
    await clock.advance(1_000);
    await drained;
    expect(stage.sessions()).toBe(0);
  });
});
