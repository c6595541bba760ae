import type { Clock } from '../clock.ts';
import type { ManifestHash, SessionId } from '../ids.ts';
import type { PlannedRoute } from '../routing/plan-route.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { classifyLoss, classifyReported } from './classify-failure.ts';
import type { FailureVerdict } from './classify-failure.ts';
import { FIRST_WORD_TIMEOUT_MS } from './constants.ts';
import type { CoordinatorEvent } from './coordinator-types.ts';
import { ProtocolViolationError, StageLeavingError, StageSilentError, StageStalledError } from './errors.ts';
import type { GenerateRequest, StageTiming } from './generator.ts';
import { createProgressDeadline } from './progress-deadline.ts';
import { reportedFailure } from './reported-failure.ts';
import { createSilenceDeadline } from './silence-deadline.ts';
import type { SessionRequest, StageEvent, StageSession } from './stage-session.ts';

export interface AttemptInit {
  readonly route: PlannedRoute;
  readonly session: SessionId;
  readonly manifest: ManifestHash;
  readonly request: GenerateRequest;
  /** Tokens there are: `[0, vocabularySize)`. */
  readonly vocabularySize: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  open(request: SessionRequest, options: { signal: AbortSignal }): Promise<StageSession>;
}

export type AttemptEvent = { readonly type: 'accepted' } | Extract<CoordinatorEvent, { type: 'progress' | 'token' }>;

export type AttemptResult =
  | { readonly ended: true; readonly reason: 'stop' | 'length'; readonly timing: StageTiming }
  | { readonly ended: false; readonly error: unknown; readonly verdict: FailureVerdict; readonly timing: StageTiming };

/**
 * One session on one route, until it ends or is lost. Throws only the client's own abort; every other
 * failure is a result with what to do about it.
 */
export async function* attempt(init: AttemptInit): AsyncGenerator<AttemptEvent, AttemptResult> {
  const { clock, signal, request, route } = init;
  const silence = createSilenceDeadline(route.served, route.rttMs);
  const progress = createProgressDeadline(route.served, request.tokens.length);
  const timer = createPhaseTimer(clock);
  const lost = (error: unknown, verdict: FailureVerdict): AttemptResult => {
    signal.throwIfAborted();
    return { ended: false, error, verdict, timing: timer.elapsed() };
  };
  let session: StageSession | undefined;
  let accepted = false;
  let tokens = 0;
  try {
    session = await openWithin(init);
    for (;;) {
      const waitingSinceMs = clock.now();
      const event = await nextWithin(
        session,
        { silenceMs: accepted ? silence.timeoutMs() : FIRST_WORD_TIMEOUT_MS, progressMs: progress.leftMs() },
        clock,
        signal,
      );
      const waitedMs = clock.now() - waitingSinceMs;
      silence.observe(waitedMs);
      progress.observe(event, waitedMs);
      checkOrder(event, { accepted, tokensLeft: request.maxTokens - tokens });
      switch (event.type) {
        case 'accepted':
          accepted = true;
          yield event;
          break;
        case 'progress':
          if (event.state === 'decode') break;
          timer.enter(event.state === 'queued' ? 'queuedMs' : 'prefillMs');
          yield { type: 'progress', state: event.state, done: event.done, total: event.total };
          break;
        case 'token':
          checkToken(event, init);
          timer.enter('decodeMs');
          tokens += 1;
          yield event.logprobs === undefined
            ? { type: 'token', token: event.token }
            : { type: 'token', token: event.token, logprobs: event.logprobs };
          break;
        case 'end':
          return { ended: true, reason: event.reason, timing: event.timing };
        case 'leaving':
          throw new StageLeavingError();
        case 'error': {
          const error = reportedFailure(event.error);
          return lost(error, classifyReported(error));
        }
        default:
          event satisfies never;
      }
    }
  } catch (error) {
    return lost(error, classifyLoss(error));
  } finally {
    session?.close();
  }
}

const sessionRequest = ({ request, session, manifest, route }: AttemptInit): SessionRequest => {
  const [start, end] = route.served.layers;
  return { ...request, session, manifest, layers: { start, end } };
};

/** Opens the session; one that opens after its deadline is closed unseen. */
function openWithin(init: AttemptInit): Promise<StageSession> {
  const { clock, signal } = init;
  const silent = new StageSilentError(FIRST_WORD_TIMEOUT_MS);
  return withDeadline({ clock, ms: FIRST_WORD_TIMEOUT_MS, error: () => silent, signal }, async (deadline) => {
    // Later only the client's signal ends the session: the deadline's is never aborted once this settles.
    const opening = init.open(sessionRequest(init), { signal: AbortSignal.any([signal, deadline]) });
    try {
      return await raceAbort(opening, deadline);
    } catch (error) {
      opening.then(
        (late) => late.close(),
        () => {}, // the same failure, or one that no longer matters
      );
      throw error;
    }
  });
}

function checkOrder(event: StageEvent, state: { accepted: boolean; tokensLeft: number }): void {
  const mayComeAnyTime = event.type === 'error' || event.type === 'leaving';
  if (!mayComeAnyTime && state.accepted === (event.type === 'accepted')) {
    throw new ProtocolViolationError(`Unexpected ${event.type}.`);
  }
  if (event.type === 'token' && state.tokensLeft <= 0) throw new ProtocolViolationError('More tokens than asked for.');
}

/** A token outside the vocabulary, or with more or less about it than was asked for, is the sender's fault. */
function checkToken(
  { token, logprobs }: Extract<StageEvent, { type: 'token' }>,
  { request, vocabularySize }: Pick<AttemptInit, 'request' | 'vocabularySize'>,
): void {
  const { topLogprobs } = request.sampling;
  const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  if (!isToken(token)) throw new ProtocolViolationError('A token outside the vocabulary.');
  if ((logprobs === undefined) !== (topLogprobs === null)) {
    throw new ProtocolViolationError('Log-probabilities that were not asked for, or none that were.');
  }
  if (logprobs === undefined) return;
  if (logprobs.top.length > (topLogprobs ?? 0) || !logprobs.top.every((entry) => isToken(entry.token))) {
    throw new ProtocolViolationError('Log-probabilities of tokens that were not asked for.');
  }
}

interface Patience {
  readonly silenceMs: number;
  readonly progressMs: number;
}

function nextWithin(
  session: StageSession,
  { silenceMs, progressMs }: Patience,
  clock: Clock,
  signal: AbortSignal,
): Promise<StageEvent> {
  const next = session.next();
  const ms = Math.max(0, Math.min(silenceMs, progressMs));
  const error = () => (progressMs < silenceMs ? new StageStalledError() : new StageSilentError(silenceMs));
  return withDeadline({ clock, ms, error, signal }, (deadline) => raceAbort(next, deadline));
}

type Phase = keyof StageTiming;

/** Measures on this side what a lost stage cannot report any more. */
function createPhaseTimer(clock: Clock) {
  const timing: Record<Phase, number> = { queuedMs: 0, prefillMs: 0, decodeMs: 0 };
  let phase: Phase = 'queuedMs';
  let sinceMs = clock.now();
  const settle = () => {
    const nowMs = clock.now();
    timing[phase] += nowMs - sinceMs;
    sinceMs = nowMs;
  };
  return {
    enter(next: Phase) {
      if (next === phase) return;
      settle();
      phase = next;
    },
    elapsed(): StageTiming {
      settle();
      return { ...timing };
    },
  };
}
