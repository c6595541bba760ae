import type { Stream } from '@libp2p/interface';
import { MAX_LENGTH_PREFIX_BYTES, MAX_STAGE_MESSAGE_BYTES } from '../wire/limits.ts';
import { createMessageChannel } from '../wire/message-channel.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { packTokens } from '../wire/token-ids.ts';
import { CREDIT_STEP_TOKENS, INITIAL_CREDIT_TOKENS } from './constants.ts';
import { SessionCancelledError, SessionLostError } from './errors.ts';
import { stageMessageSchema } from './messages.ts';
import type { OpenMessage } from './messages.ts';
import type { SessionRequest, StageSession } from './stage-session.ts';

/** Starts a session on a stream just opened to a stage. */
export const openRemoteSession = (
  stream: Stream,
  request: SessionRequest,
  options: { signal: AbortSignal },
): Promise<StageSession> =>
  openChannelSession(
    createMessageChannel(stream, { readAheadBytes: MAX_STAGE_MESSAGE_BYTES + MAX_LENGTH_PREFIX_BYTES }),
    request,
    options,
  );

/**
 * Starts a session on a channel to a stage. Gives credit as tokens are taken, so that a stage
 * never computes more than `INITIAL_CREDIT_TOKENS` ahead of its reader.
 */
export async function openChannelSession(
  channel: MessageChannel,
  request: SessionRequest,
  { signal }: { signal: AbortSignal },
): Promise<StageSession> {
  const close = () => {
    signal.removeEventListener('abort', close);
    channel.abort(new SessionCancelledError());
  };
  if (signal.aborted) close();
  signal.throwIfAborted();
  signal.addEventListener('abort', close, { once: true });
  try {
    await channel.send(openMessage(request), { signal });
  } catch (error) {
    close();
    throw error;
  }

  let taken = 0;
  return {
    async next() {
      const message = await channel.receive(stageMessageSchema, { maxBytes: MAX_STAGE_MESSAGE_BYTES, signal });
      if (message === undefined) throw new SessionLostError('The peer closed the session before its end.');
      if (message.type === 'token') {
        taken += 1;
        if (taken % CREDIT_STEP_TOKENS === 0) {
          // Not awaited: a stage that reads no credit stops by itself, and its loss shows in the next message.
          channel.send({ type: 'credit', tokens: CREDIT_STEP_TOKENS }).catch(() => {});
        }
      }
      return message;
    },
    finish() {
      // Not awaited: a stage that does not take it shows by what it does not say.
      channel.send({ type: 'finish' }).catch(() => {});
    },
    close,
  };
}

const openMessage = (request: SessionRequest): OpenMessage => ({
  type: 'open',
  v: 1,
  session: request.session,
  model: request.manifest,
  layers: [request.layers.start, request.layers.end],
  tokens: packTokens(request.tokens),
  promptTokenCount: request.promptTokenCount,
  maxTokens: request.maxTokens,
  endTokens: [...request.endTokens],
  sampling: {
    ...request.sampling,
    logitBias: request.sampling.logitBias.map(([token, bias]) => [token, bias]),
  },
  credit: INITIAL_CREDIT_TOKENS,
  ...(request.chain === undefined ? {} : { chain: { ...request.chain, peers: [...request.chain.peers] } }),
});
