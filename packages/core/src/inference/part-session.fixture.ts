import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { vi } from 'vitest';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { LayerRange, PeerName, SessionId } from '../ids.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeGenerator } from '../testing/fake-generator.ts';
import { FAKE_MODEL_SHAPE } from '../testing/fake-layer-model.ts';
import { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import type { FakeLayerRunnerInit } from '../testing/fake-layer-runner.ts';
import { createByteChannel } from '../wire/byte-channel.ts';
import { createMessageChannel, messagesOf } from '../wire/message-channel.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { MAX_LINK_HELLO_BYTES } from '../wire/limits.ts';
import { takeMessage } from '../wire/length-prefix.ts';
import { packTokens } from '../wire/token-ids.ts';
import { LINK_READ_AHEAD_BYTES } from './constants.ts';
import { stageMessageSchema } from './messages.ts';
import type { OpenMessage, StageMessage } from './messages.ts';
import { createStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { createIncomingLink, createOutgoingLink } from './stage-link.ts';
import type { IncomingLink, LinkSequence, OutgoingLink } from './stage-link.ts';
import { createStageLinks } from './stage-links.ts';

const MANIFEST = 'c'.repeat(64);
const NEIGHBOUR = 'neighbour' as PeerName;
const COORDINATOR = 'coordinator' as PeerName;
/** Of each stage. */
export const PLACES = 4;

/** What a coordinator and the one neighbour, on both sides of the stage, see of a session. */
export interface PartUnderTest {
  /** From the coordinator's side. */
  readonly coordinator: MessageChannel;
  /** What the stage said, in order; `ended` last. */
  readonly said: (StageMessage | { type: 'ended' })[];
  /** The way from the neighbour to the stage, opened by `greet`. */
  readonly to: OutgoingLink;
  /** The way from the stage to the neighbour. */
  readonly from: IncomingLink;
  /** Lets the neighbour's way reach the stage, where `open` did not: the stage's end of it. */
  readonly greet: () => Stream;
  /** The streams between the stage and its neighbour, the neighbour's ends. */
  readonly streams: readonly Stream[];
}

/** One stage of a chain of two, whose neighbour and coordinators are the test itself. */
export class PartStage {
  readonly clock = new FakeClock();
  readonly runner: FakeLayerRunner;
  readonly stage: Stage;
  readonly links;
  readonly #layers: LayerRange;
  readonly #opened: Stream[] = [];
  #sessions = 0;

  constructor(place: 'first' | 'last', init: FakeLayerRunnerInit = {}) {
    this.#layers = place === 'first' ? { start: 0, end: 3 } : { start: 3, end: 6 };
    const { start, end } = this.#layers;
    this.runner = new FakeLayerRunner({ ...init, layers: this.#layers });
    this.links = createStageLinks({
      clock: this.clock,
      openStream: async () => {
        const [near, far] = await streamPair();
        this.#opened.push(far);
        return { stream: near, direct: true, rttMs: 1 };
      },
    });
    this.stage = createStage({
      generator: new FakeGenerator(),
      clock: this.clock,
      served: () => [
        {
          id: 'fake',
          manifest: MANIFEST,
          layers: [start, end],
          engine: 'wasm',
          contextLength: 100_000,
          slots: PLACES,
          freeSlots: PLACES,
          queued: 0,
          decodeTokensPerSecond: 100,
          prefillTokensPerSecond: 1_000,
        },
      ],
      chain: { runner: this.runner, links: this.links, shape: () => FAKE_MODEL_SHAPE },
    });
  }

  get #isFirst(): boolean {
    return this.#layers.start === 0;
  }

  /** Opens a session that is refused before it has ways. */
  async refused(): Promise<Pick<PartUnderTest, 'said'>> {
    const [near, far] = await streamPair();
    void this.stage.handle(far, COORDINATOR);
    const channel = createMessageChannel(near, { readAheadBytes: 65_536 });
    await channel.send(this.#openMessage('refused' as SessionId, 11, 24));
    const said = listen(channel);
    await vi.waitUntil(() => said.length > 0, { interval: 1 });
    channel.abort(new Error('heard'));
    return { said };
  }

  /** Opens a session of `coordinator` with this stage, and the way of its neighbour unless told not to. */
  async open(
    init: { tokenCount?: number; maxTokens?: number; coordinator?: string; greet?: boolean } = {},
  ): Promise<PartUnderTest> {
    const { tokenCount = 11, maxTokens = 24, greet = true } = init;
    const coordinator = (init.coordinator ?? COORDINATOR) as PeerName;
    const session = `s${(this.#sessions += 1)}` as SessionId;
    const way = (carries: LinkSequence['carries']): LinkSequence => {
      const start = carries === 'token' ? tokenCount : 0;
      return { session, carries, hiddenSize: FAKE_MODEL_SHAPE.hiddenSize, start, end: tokenCount + maxTokens };
    };
    const [near, far] = await streamPair();
    void this.stage.handle(far, coordinator);
    const channel = createMessageChannel(near, { readAheadBytes: 65_536 });
    await channel.send(this.#openMessage(session, tokenCount, maxTokens));
    const said = listen(channel);
    const [toStage, atStage] = await streamPair();
    const arrive = () => {
      void this.links.handle(atStage, NEIGHBOUR);
      return atStage;
    };
    if (greet) arrive();
    const bytes = createByteChannel(toStage, { readAheadBytes: LINK_READ_AHEAD_BYTES });
    await messagesOf(bytes).send({ v: 1, coordinator, session });
    await vi.waitUntil(() => this.#opened.length > 0, { interval: 1 });
    const fromStage = this.#opened.pop() as Stream;
    return {
      coordinator: channel,
      said,
      to: createOutgoingLink(bytes, { direct: true, rttMs: 1 }, way(this.#isFirst ? 'token' : 'hidden'), this.clock),
      from: await greeted(fromStage, way(this.#isFirst ? 'hidden' : 'token'), this.clock),
      greet: arrive,
      streams: [toStage, fromStage],
    };
  }

  #openMessage(session: SessionId, tokenCount: number, maxTokens: number): OpenMessage {
    const { start, end } = this.#layers;
    const tokens = Array.from({ length: tokenCount }, (_, index) => 100 + index);
    return {
      type: 'open',
      v: 1,
      session,
      model: MANIFEST,
      layers: [start, end],
      tokens: packTokens(tokens),
      promptTokenCount: tokenCount,
      maxTokens,
      endTokens: [],
      sampling: { ...DEFAULT_SAMPLING, logitBias: [], seed: 1 },
      credit: 1_000,
      chain: {
        peers: this.#isFirst ? ['stage', NEIGHBOUR] : [NEIGHBOUR, 'stage'],
        index: this.#isFirst ? 0 : 1,
        tokenCount,
        format: 'f32',
      },
    };
  }
}

/** Hears a stage until it ends. */
function listen(channel: MessageChannel): PartUnderTest['said'] {
  const said: PartUnderTest['said'] = [];
  const hear = async () => {
    for (;;) {
      const message = await channel.receive(stageMessageSchema, { maxBytes: 16_384 });
      if (message === undefined) break;
      said.push(message);
    }
  };
  hear()
    .catch(() => {}) // reset: that is an end too
    .finally(() => said.push({ type: 'ended' }));
  return said;
}

/** The neighbour's end of a way that the stage opened, its first message taken off. */
async function greeted(stream: Stream, way: LinkSequence, clock: FakeClock): Promise<IncomingLink> {
  const channel = createByteChannel(stream, { readAheadBytes: LINK_READ_AHEAD_BYTES });
  await channel.read((queue) => takeMessage(queue, MAX_LINK_HELLO_BYTES));
  return createIncomingLink(channel, way, clock);
}
