import { systemClock } from '../clock.ts';
import { MAX_STOP_SEQUENCE_CHARS, MAX_STOP_SEQUENCES } from '../generation/constants.ts';
import { PromptTooLongError } from '../generation/errors.ts';
import { abandonable } from './abandonable.ts';
import { DEFAULT_MAX_TOKENS } from './constants.ts';
import { InvalidCompletionRequestError, ModelNotFoundError, RunCutShortError } from './errors.ts';
import { createTextAssembler } from './text-assembler.ts';
import type { Clock } from '../clock.ts';
import type { TextCodec } from '../generation/text-codec.ts';
import type { ManifestHash, ModelId } from '../ids.ts';
import type { Coordinator, CoordinatorRequest } from '../inference/coordinator-types.ts';
import type { StageTiming } from '../inference/generator.ts';
import type { AssembledText } from './text-assembler.ts';
import type { CompletionEvent, CompletionRequest, Completions } from './types.ts';

/** What answering with a model takes. */
export interface CompletionModel {
  readonly manifest: ManifestHash;
  readonly layerCount: number;
  /** Most tokens of prompt and answer together. */
  readonly contextLength: number;
  readonly codec: TextCodec;
}

export interface CompletionsComponents {
  readonly coordinator: Coordinator;
  /** The models known here, by name; a `Map` will do. */
  readonly models: { get(model: ModelId): CompletionModel | undefined };
  /** @default systemClock */
  readonly clock?: Clock;
}

/**
 * Answers in text over a coordinator that works in tokens.
 *
 * Ending the iteration early, aborting the signal or meeting a stop string ends the coordinator's run.
 * `usage.completionTokens` counts every token received, those of a stop string too; the token with which
 * the model ends its answer is not among them.
 *
 * @throws (from the iterator) `model_not_found`, `invalid_request`, what `TextCodec.encodeChat` throws
 * (`context_length_exceeded`, `invalid_messages`, …), what `Coordinator` throws.
 * @example
 * const completions = createCompletions({ coordinator, models: new Map([[id, model]]) });
 * for await (const event of completions.run(request, { signal })) show(event);
 */
export function createCompletions({ coordinator, models, clock = systemClock }: CompletionsComponents): Completions {
  return {
    run: (request, { signal }) => abandonable((inner) => complete(coordinator, models, clock, request, inner), signal),
  };
}

async function* complete(
  coordinator: Coordinator,
  models: CompletionsComponents['models'],
  clock: Clock,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, undefined> {
  signal.throwIfAborted();
  const model = models.get(request.model);
  if (model === undefined) throw new ModelNotFoundError(request.model);
  checkLimits(request);
  const tokens = await model.codec.encodeChat(request.messages, { signal });
  signal.throwIfAborted();

  const stopwatch = createStopwatch(clock);
  const assembler = createTextAssembler((token) => model.codec.tokenBytes(token), request.stop);
  const stopped = new AbortController();
  const run = coordinator.run(toCoordinatorRequest(request, model, tokens), {
    signal: AbortSignal.any([signal, stopped.signal]),
  });
  let completionTokens = 0;
  let routes = 0;
  const usage = () => ({ promptTokens: tokens.length, completionTokens });

  for await (const event of run) {
    switch (event.type) {
      case 'route':
        routes += 1;
        yield { type: 'route', stages: event.stages, attempt: event.attempt, promptTokens: tokens.length };
        break;
      case 'progress':
        stopwatch.progress(event.state);
        yield event;
        break;
      case 'token': {
        stopwatch.token();
        completionTokens += 1;
        const outcome = assembler.push(event.token, event.logprobs);
        // Before the consumer is given anything: it may take its time.
        if (outcome.stopped) stopped.abort();
        if (outcome.delta !== null) yield textDelta(outcome.delta);
        break;
      }
      case 'end': {
        const outcome = assembler.finish();
        if (outcome.delta !== null) yield textDelta(outcome.delta);
        const reason = outcome.stopped ? 'stop' : event.reason;
        const { timing, failovers, reports } = event;
        yield { type: 'end', reason, usage: usage(), timing, failovers, reports };
        return;
      }
      default:
        event satisfies never;
    }
    if (stopped.signal.aborted) break;
  }
  if (!stopped.signal.aborted) {
    signal.throwIfAborted();
    throw new RunCutShortError();
  }
  const failovers = Math.max(0, routes - 1);
  yield { type: 'end', reason: 'stop', usage: usage(), timing: stopwatch.timing(), failovers, reports: [] };
}

function checkLimits({ stop, maxTokens }: CompletionRequest): void {
  if (stop.length > MAX_STOP_SEQUENCES) {
    throw new InvalidCompletionRequestError(`At most ${MAX_STOP_SEQUENCES} stop sequences are allowed.`);
  }
  if (stop.some((sequence) => sequence.length > MAX_STOP_SEQUENCE_CHARS)) {
    throw new InvalidCompletionRequestError(`A stop sequence has at most ${MAX_STOP_SEQUENCE_CHARS} characters.`);
  }
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && maxTokens >= 1)) {
    throw new InvalidCompletionRequestError('max_tokens is a whole number of at least 1.');
  }
}

function toCoordinatorRequest(
  { model: id, sampling, maxTokens = DEFAULT_MAX_TOKENS, client }: CompletionRequest,
  { manifest, layerCount, contextLength, codec }: CompletionModel,
  tokens: readonly number[],
): CoordinatorRequest {
  if (tokens.length >= contextLength) throw new PromptTooLongError(tokens.length, contextLength);
  return {
    model: id,
    manifest,
    layerCount,
    vocabularySize: codec.vocabularySize,
    tokens,
    promptTokenCount: tokens.length,
    maxTokens: Math.min(maxTokens, contextLength - tokens.length),
    endTokens: codec.endTokens,
    sampling,
    ...(client === undefined ? {} : { client }),
  };
}

const textDelta = ({ text, tokens, logprobs }: AssembledText): CompletionEvent => ({
  type: 'text-delta',
  text,
  tokens,
  logprobs,
});

/** Times a run as its consumer sees it: a run cut off by a stop string has no `end` to tell. */
function createStopwatch(clock: Clock) {
  const started = clock.now();
  let prefillStarted: number | undefined;
  let firstToken: number | undefined;
  return {
    progress(state: 'queued' | 'prefill') {
      if (state === 'prefill') prefillStarted ??= clock.now();
    },
    token() {
      firstToken ??= clock.now();
    },
    timing(): StageTiming {
      const now = clock.now();
      const decodeStart = firstToken ?? now;
      const prefillStart = prefillStarted ?? decodeStart;
      return {
        queuedMs: prefillStart - started,
        prefillMs: decodeStart - prefillStart,
        decodeMs: now - decodeStart,
      };
    },
  };
}
