import { randomBytes, randomInt } from 'node:crypto';
import { ChunkWriter, collectCompletion, MAX_REQUEST_BODY_BYTES, parseChatRequest } from '@opengateway/core';
import { Hono } from 'hono';
import { answerLines } from '../answer-lines.ts';
import { followRoutes, routeHeader, startAnswer } from '../answer.ts';
import { KEEP_ALIVE_MS, MAX_NAMED_RELAYS, ROUTE_WAIT_MS, STALLED_CLIENT_MS } from '../constants.ts';
import { NothingServedError, OtherRegionError, ServerStoppingError, StalledClientError } from '../errors.ts';
import { AUTO_MODEL } from '../catalog.ts';
import { explainUnavailable } from '../explain-unavailable.ts';
import { readRegion, REGION_HEADER } from '../geo/locate-client.ts';
import { observeAnswer } from '../observe-answer.ts';
import { readJsonBody } from '../read-json-body.ts';
import { socketBody } from '../socket-body.ts';
import type { AnswerHead, ChatRequest, Completions, KnownRelay, ModelId } from '@opengateway/core';
import type { Context } from 'hono';
import type { ClientKeyOf } from '../client-key.ts';
import type { CompletionRate } from '../completion-rate.ts';
import type { DrainGate } from '../drain-gate.ts';
import type { UnavailableComponents } from '../explain-unavailable.ts';
import type { ReadClientAddress } from '../geo/read-client-address.ts';
import type { Metrics } from '../metrics.ts';
import type { RelayEnv } from '../env.ts';
import type { StartedAnswer } from '../answer.ts';

export interface ChatDependencies extends UnavailableComponents {
  readonly completions: Completions;
  readonly clientAddress: ReadClientAddress;
  readonly clientKeyOf: ClientKeyOf;
  /** The best model that can be answered with now. */
  readonly bestModel: () => string | undefined;
  /** Other relays. */
  readonly relays: () => readonly KnownRelay[];
  readonly rate: CompletionRate;
  /** Requests that wait for a place now. */
  readonly waiting: () => number;
  readonly gate: DrainGate;
  readonly metrics: Metrics;
  /** @default KEEP_ALIVE_MS */
  readonly keepAliveMs?: number;
  /** @default ROUTE_WAIT_MS */
  readonly routeWaitMs?: number;
  /** @default STALLED_CLIENT_MS */
  readonly stalledClientMs?: number;
}

/** `POST /v1/chat/completions`, as OpenAI's. */
export function chatCompletions(dependencies: ChatDependencies): Hono<RelayEnv> {
  return new Hono<RelayEnv>().post('/', async (c) => {
    const startedMs = performance.now();
    if (dependencies.gate.stopping) throw new ServerStoppingError();
    refuseOtherRegions(c, dependencies);
    const body = await readJsonBody(c.req.raw, MAX_REQUEST_BODY_BYTES);
    const asked = parseChatRequest(body, { randomSeed: () => randomInt(2 ** 32) });
    const chat = settle(asked, dependencies, dependencies.clientKeyOf(dependencies.clientAddress(c)));
    // Only now: a body that never ends must not hold the place of an answer.
    const leave = dependencies.gate.enter();
    const abort = new AbortController();
    let handedOver = false;
    try {
      const signal = AbortSignal.any([abort.signal, c.req.raw.signal, dependencies.gate.signal]);
      const started = await startAnswer(dependencies.completions, chat.completions, {
        signal,
        ...(chat.stream ? { routeWaitMs: dependencies.routeWaitMs ?? ROUTE_WAIT_MS } : {}),
      });
      const answer = {
        ...started,
        events: observeAnswer(started.events, { ...dependencies, model: chat.model, startedMs, log: c.get('log') }),
      };
      const head = {
        id: `chatcmpl-${randomBytes(15).toString('base64url')}`,
        created: nowSeconds(),
        model: chat.model,
      };
      if (!chat.stream) {
        const routes = [...started.routes];
        const completion = await collectCompletion(followRoutes(answer.events, routes), head, {
          choices: chat.completions.length,
          logprobs: chat.logprobs,
        });
        nameRoutes(c, routes);
        return c.json(completion);
      }
      nameRoutes(c, started.routes);
      handedOver = true;
      return streamAnswer(c, dependencies, { chat, head, answer, abort, leave });
    } catch (error) {
      // Of several choices, the others may still run.
      abort.abort(error);
      throw explainUnavailable(error, chat.model, dependencies);
    } finally {
      if (!handedOver) leave();
    }
  });
}

/** Nothing crosses regions: who wants another one is told its relays. */
function refuseOtherRegions(c: Context<RelayEnv>, { region, relays }: ChatDependencies): void {
  const wanted = readRegion(c.req.header(REGION_HEADER), REGION_HEADER, region);
  if (wanted === undefined || wanted === region) return;
  const there = relays().filter((relay) => relay.region === wanted);
  throw new OtherRegionError(
    region,
    wanted,
    there.slice(0, MAX_NAMED_RELAYS).map(({ url }) => url),
  );
}

/** The request with the model that `auto` stands for now, and with who asks. */
function settle(chat: ChatRequest, dependencies: ChatDependencies, client: string | undefined): ChatRequest {
  const model = chat.model === AUTO_MODEL ? dependencies.bestModel() : chat.model;
  if (model === undefined) throw explainUnavailable(new NothingServedError(), AUTO_MODEL, dependencies);
  const changes = { model: model as ModelId, ...(client === undefined ? {} : { client }) };
  return { ...chat, model, completions: chat.completions.map((completion) => ({ ...completion, ...changes })) };
}

function nameRoutes(c: Context<RelayEnv>, routes: StartedAnswer['routes']): void {
  if (routes.some((route) => route.length > 0)) c.header('x-opengateway-route', routeHeader(routes));
}

interface StreamedAnswer {
  readonly chat: ChatRequest;
  readonly head: AnswerHead;
  readonly answer: StartedAnswer;
  readonly abort: AbortController;
  readonly leave: () => void;
}

function streamAnswer(
  c: Context<RelayEnv>,
  dependencies: ChatDependencies,
  { chat, head, answer, abort, leave }: StreamedAnswer,
): Response {
  const { keepAliveMs = KEEP_ALIVE_MS, stalledClientMs = STALLED_CLIENT_MS } = dependencies;
  const lines = answerLines(answer.events, new ChunkWriter(head, chat), {
    choices: chat.completions.length,
    keepAliveMs,
    onFailure: (error) => {
      const clientGone = abort.signal.aborted || c.req.raw.signal.aborted;
      abort.abort(error);
      if (!clientGone) c.get('log').warn({ err: error }, 'stream failed');
      return explainUnavailable(error, chat.model, dependencies);
    },
  });
  const stream = socketBody(c, lines, {
    stalledMs: stalledClientMs,
    onStalled: () => abort.abort(new StalledClientError()),
    onEnd: (cancelled) => {
      if (cancelled) abort.abort();
      leave();
    },
  });
  return c.body(stream, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // nginx holds streams back unless told not to
    'x-accel-buffering': 'no',
  });
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
