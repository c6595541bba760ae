import type { Clock } from '../clock.ts';
import { errorCode, toWire } from '../errors.ts';
import { PromptTooLongError } from '../generation/errors.ts';
import type { ManifestHash, PeerName, SessionId } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import { withDeadline } from '../wire/deadline.ts';
import { MAX_OPEN_BYTES } from '../wire/limits.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { unpackTokens } from '../wire/token-ids.ts';
import { FIRST_MESSAGE_TIMEOUT_MS } from './constants.ts';
import { endChannel } from './end-channel.ts';
import { ModelNotServedError, ProtocolViolationError, SessionCancelledError, StageBusyError } from './errors.ts';
import type { GenerateRequest, Generator } from './generator.ts';
import type { LayerRunner, ModelShape } from './layer-runner.ts';
import { errorMessage, openSchema } from './messages.ts';
import type { OpenMessage, StageMessage } from './messages.ts';
import { PartSession } from './part-session.ts';
import type { PartSessionInit } from './part-session.ts';
import { RunningSession } from './running-session.ts';
import type { StageLinks } from './stage-links.ts';

/** What a stage needs to be one of several. */
export interface ChainComponents {
  readonly runner: LayerRunner;
  readonly links: StageLinks;
  /** Of the model served; undefined while none is. */
  shape(): ModelShape | undefined;
}

export interface ServeSessionComponents {
  readonly channel: MessageChannel;
  /** Who opened the session. */
  readonly peer: PeerName;
  readonly generator: Generator;
  /** Absent where only whole models are served. */
  readonly chain?: ChainComponents | undefined;
  readonly clock: Clock;
  served(): readonly ServedModel[];
  /** Whether new sessions are taken now. */
  accepting(): boolean;
  /**
   * Notes that the session is one of a chain, on a model with so many places. @throws `engine_busy` where its
   * coordinator has its share of them
   */
  enterChain(slots: number): void;
  /** Ends this session from the stage's side; its reason is what the coordinator is told. */
  readonly stop: AbortController;
}

/** Serves one session from `open` to its end; resolves when nothing of it is left, and never rejects. */
export async function serveSession(components: ServeSessionComponents): Promise<void> {
  const { channel, clock, stop } = components;
  const cancel = () => stop.abort(new SessionCancelledError());
  if (channel.ended.aborted) cancel();
  channel.ended.addEventListener('abort', cancel, { once: true });
  let session: Session | undefined;
  try {
    const open = await withDeadline(
      {
        clock,
        ms: FIRST_MESSAGE_TIMEOUT_MS,
        error: () => new ProtocolViolationError('No complete first message in time.'),
        signal: stop.signal,
      },
      (signal) => channel.receive(openSchema, { maxBytes: MAX_OPEN_BYTES, signal }),
    );
    if (open === undefined) throw new SessionCancelledError();
    session = sessionFor(open, components);
    await session.run();
    channel.ended.removeEventListener('abort', cancel);
    await finish(components, undefined);
  } catch (error) {
    channel.ended.removeEventListener('abort', cancel);
    if (!stop.signal.aborted) stop.abort(error);
    await finish(components, farewell(error));
  } finally {
    session?.release?.();
  }
}

interface Session {
  run(): Promise<void>;
  /** Lets go of what may be noticed by others only after the coordinator was told. */
  release?(): void;
}

function sessionFor(open: OpenMessage, components: ServeSessionComponents): Session {
  const { chain } = components;
  const model = modelOf(open, components);
  const request = validateOpen(open, model);
  if (open.chain === undefined) return new RunningSession(components, request, open.credit);
  if (chain === undefined) throw new ModelNotServedError();
  const part = partOf(open, open.chain, request, components.peer, chain);
  components.enterChain(model.slots);
  return new PartSession({ ...components, ...chain }, part);
}

function modelOf(open: OpenMessage, { served, accepting }: ServeSessionComponents): ServedModel {
  if (!accepting()) throw new StageBusyError('This peer takes no new requests now.');
  const [start, end] = open.layers;
  const model = served().find(
    ({ manifest, layers }) => manifest === open.model && layers[0] === start && layers[1] === end,
  );
  if (model === undefined) throw new ModelNotServedError();
  return model;
}

function validateOpen(open: OpenMessage, model: ServedModel): GenerateRequest {
  const tokens = unpackTokens(open.tokens);
  const tokenCount = open.chain?.tokenCount ?? tokens.length;
  if (tokenCount === 0) throw new ProtocolViolationError('There is no token to continue.');
  if (open.promptTokenCount < 1 || open.promptTokenCount > tokenCount) {
    throw new ProtocolViolationError('The prompt is longer than the tokens sent.');
  }
  if (tokenCount >= model.contextLength) throw new PromptTooLongError(tokenCount, model.contextLength);
  const { promptTokenCount, maxTokens, endTokens, sampling } = open;
  return { manifest: open.model as ManifestHash, tokens, promptTokenCount, maxTokens, endTokens, sampling };
}

/** A stage's part in a chain. @throws `protocol_violation` where its place and its layers do not agree */
function partOf(
  open: OpenMessage,
  { peers, index, tokenCount, format }: NonNullable<OpenMessage['chain']>,
  request: GenerateRequest,
  coordinator: PeerName,
  chain: ChainComponents,
): PartSessionInit {
  const shape = chain.shape();
  if (shape === undefined) throw new ModelNotServedError();
  const isFirst = index === 0;
  const isLast = index === peers.length - 1;
  if (index >= peers.length || new Set(peers).size < peers.length) {
    throw new ProtocolViolationError('Not a chain of different stages.');
  }
  if (isFirst !== (open.layers[0] === 0) || isLast !== (open.layers[1] === shape.layerCount)) {
    throw new ProtocolViolationError("A stage's place does not agree with its layers.");
  }
  if (request.tokens.length !== (isFirst || isLast ? tokenCount : 0)) {
    throw new ProtocolViolationError('The first and the last stage are told all tokens, the others none.');
  }
  const neighbour = (at: number) => peers[(at + peers.length) % peers.length] as PeerName;
  return {
    request: { ...request, tokenCount, format },
    key: { coordinator, session: open.session as SessionId },
    shape,
    previous: neighbour(index - 1),
    next: neighbour(index + 1),
    isFirst,
    isLast,
    credit: open.credit,
  };
}

/** What to say at the end; undefined where the other side has gone. */
function farewell(error: unknown): StageMessage | undefined {
  const code = errorCode(error);
  if (code === 'session_cancelled') return undefined;
  if (code === 'stage_leaving') return { type: 'leaving' };
  return errorMessage(toWire(error));
}

/** Says the last word if there is one, and ends the stream. */
async function finish({ channel, clock, stop }: ServeSessionComponents, last: StageMessage | undefined): Promise<void> {
  if (last === undefined && stop.signal.aborted) return channel.abort(new SessionCancelledError());
  await endChannel(channel, clock, last === undefined ? undefined : (signal) => channel.send(last, { signal }));
}
