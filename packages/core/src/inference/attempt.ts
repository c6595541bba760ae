import type { Clock } from '../clock.ts';
import type { ManifestHash, PeerName, SessionId } from '../ids.ts';
import type { PlannedRoute } from '../routing/types.ts';
import { checkStageEvent } from './check-stage-event.ts';
import { classifyLoss, classifyReported } from './classify-failure.ts';
import type { FailureVerdict } from './classify-failure.ts';
import { BLAME_GRACE_MS, SUMMARY_WAIT_MS } from './constants.ts';
import type { CoordinatorEvent, HopReport, StageReport } from './coordinator-types.ts';
import { ProtocolViolationError, StageLeavingError, StageStalledError } from './errors.ts';
import { findCulprit, findStalled } from './find-culprit.ts';
import type { Complaint, Culprit } from './find-culprit.ts';
import type { GenerateRequest, StageTiming } from './generator.ts';
import type { HiddenFormat } from './layer-runner.ts';
import { createPhaseTimer } from './phase-timer.ts';
import { createProgressDeadline } from './progress-deadline.ts';
import type { ProgressDeadline } from './progress-deadline.ts';
import { reportedFailure } from './reported-failure.ts';
import { createSilenceDeadline } from './silence-deadline.ts';
import { StageGroup } from './stage-group.ts';
import type { StageWord } from './stage-group.ts';
import type { SessionRequest, StageEvent, StageSession } from './stage-session.ts';

export interface AttemptInit {
  readonly route: PlannedRoute;
  readonly session: SessionId;
  readonly manifest: ManifestHash;
  readonly request: GenerateRequest;
  /** Tokens there are: `[0, vocabularySize)`. */
  readonly vocabularySize: number;
  /** Of hidden states between stages. */
  readonly format: HiddenFormat;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Opens the session of stage `index` of the route. */
  open(index: number, request: SessionRequest, options: { signal: AbortSignal }): Promise<StageSession>;
}

export type AttemptEvent =
  /** `hops`: by stage, as far as they are known; empty for a single stage. */
  | { readonly type: 'accepted'; readonly hops: readonly (HopReport | undefined)[] }
  | Extract<CoordinatorEvent, { type: 'progress' | 'token' }>;

export type AttemptResult =
  | {
      readonly ended: true;
      readonly reason: 'stop' | 'length';
      readonly timing: StageTiming;
      readonly reports: readonly StageReport[];
    }
  | {
      readonly ended: false;
      readonly error: unknown;
      readonly verdict: FailureVerdict;
      readonly timing: StageTiming;
      readonly culprit: Culprit;
    };

/** Why a word ends the attempt; `complaint` where it is a neighbour that it speaks of. */
interface Failure {
  readonly error: unknown;
  readonly verdict: FailureVerdict;
  readonly complaint?: Exclude<Complaint['kind'], 'lost'>;
}

/** What a stage says of its neighbours: its own loss is nobody's fault but theirs. */
const COMPLAINTS: Readonly<Record<string, Exclude<Complaint['kind'], 'lost'>>> = {
  next_stage_lost: 'next',
  previous_stage_lost: 'previous',
  bad_frame: 'damaged',
  invalid_input: 'damaged',
};

/**
 * One session on every stage of a route, until the answer ends or a stage is lost. Throws only the client's own
 * abort; every other failure is a result with what to do about it and whose it is.
 */
export const attempt = (init: AttemptInit): AsyncGenerator<AttemptEvent, AttemptResult> => new Attempt(init).run();

class Attempt {
  readonly #init: AttemptInit;
  readonly #stages: StageGroup;
  readonly #progress: ProgressDeadline;
  readonly #timer;
  readonly #lastStage: number;
  readonly #hops: (HopReport | undefined)[];
  /** Positions computed, by stage. */
  readonly #done: number[];
  #announced = false;
  /** Said before any token, and before every stage was known to take part. */
  #earlyEnd: Extract<StageEvent, { type: 'end' }> | undefined;
  #tokens = 0;

  constructor(init: AttemptInit) {
    const { route, clock, request, signal } = init;
    const { stages } = route;
    this.#init = init;
    this.#lastStage = stages.length - 1;
    this.#hops = stages.map(() => undefined);
    this.#done = stages.map(() => 0);
    this.#timer = createPhaseTimer(clock);
    this.#progress = createProgressDeadline(combinedRates(route), request.tokens.length);
    const silences = stages.map(({ served, rttMs }) => createSilenceDeadline(served, rttMs));
    this.#stages = new StageGroup(
      { clock, silences, open: (index, options) => init.open(index, this.#sessionRequest(index), options) },
      signal,
    );
  }

  async *run(): AsyncGenerator<AttemptEvent, AttemptResult> {
    const { clock, signal } = this.#init;
    try {
      for (;;) {
        const sinceMs = clock.now();
        const word = await this.#stages.next(Math.max(0, this.#progress.leftMs()), signal);
        const waitedMs = clock.now() - sinceMs;
        if (word === undefined) return this.#stalled();
        const { index } = word;
        const isLast = index === this.#lastStage;
        this.#progress.observe('event' in word && isLast ? word.event : undefined, waitedMs);
        const failure = this.#failureOf(word);
        if (failure !== undefined) return await this.#lost(index, failure);
        const { event } = word as Extract<StageWord, { event: StageEvent }>;
        if (event.type === 'accepted') this.#hops[index] = event.hop;
        if (event.type === 'progress') this.#done[index] = event.done;
        if (!this.#announced && (this.#allAccepted() || event.type === 'token')) {
          this.#announced = true;
          yield { type: 'accepted', hops: this.#lastStage === 0 ? [] : this.#hops };
        }
        const end = event.type === 'end' ? event : this.#earlyEnd;
        if (end !== undefined && this.#announced) return await this.#ended(end);
        this.#earlyEnd = end;
        if (!isLast) continue;
        const told = this.#tell(event);
        if (told !== undefined) yield told;
      }
    } finally {
      this.#stages.close();
    }
  }

  /** What the client is told of what the last stage says. */
  #tell(event: StageEvent): AttemptEvent | undefined {
    if (event.type === 'progress') {
      if (event.state === 'decode' || !this.#announced) return undefined;
      this.#timer.enter(event.state === 'queued' ? 'queuedMs' : 'prefillMs');
      return { type: 'progress', state: event.state, done: event.done, total: event.total };
    }
    if (event.type !== 'token') return undefined;
    this.#timer.enter('decodeMs');
    this.#tokens += 1;
    const { token, logprobs } = event;
    return logprobs === undefined ? { type: 'token', token } : { type: 'token', token, logprobs };
  }

  /** Why a word ends the attempt, if it does. */
  #failureOf(word: StageWord): Failure | undefined {
    this.#init.signal.throwIfAborted();
    if ('error' in word) return { error: word.error, verdict: classifyLoss(word.error) };
    const { event, index, accepted } = word;
    if (event.type === 'leaving') {
      const error = new StageLeavingError();
      return { error, verdict: classifyLoss(error) };
    }
    if (event.type === 'error') {
      const complaint = COMPLAINTS[event.error.code];
      if (this.#lastStage === 0 && (complaint === 'next' || complaint === 'previous')) {
        const error = new ProtocolViolationError('A stage without neighbours lost one.');
        return { error, verdict: classifyLoss(error) };
      }
      const error = reportedFailure(event.error);
      const isComplaint = complaint !== undefined && this.#lastStage > 0;
      return { error, verdict: classifyReported(error), ...(isComplaint ? { complaint } : {}) };
    }
    try {
      checkStageEvent(event, {
        ...this.#init,
        accepted,
        makesTokens: index === this.#lastStage && this.#earlyEnd === undefined,
        tokensLeft: this.#init.request.maxTokens - this.#tokens,
        doneBefore: this.#lastStage === 0 ? undefined : this.#done[index],
      });
      return undefined;
    } catch (error) {
      return { error, verdict: classifyLoss(error) };
    }
  }

  async #lost(index: number, failure: Failure): Promise<AttemptResult> {
    const { complaints, own } = await this.#gather(index, failure);
    const culprit = findCulprit(complaints, this.#done.length);
    const { error, verdict } = own;
    return { ended: false, error, verdict: this.#verdictOn(culprit, verdict), timing: this.#timer.elapsed(), culprit };
  }

  /**
   * A stage that complains of its neighbour may be the first to notice who is gone, or the one at fault. What the one
   * that is gone says itself meanwhile is why the attempt ends, else the first complaint.
   */
  async #gather(index: number, first: Failure): Promise<{ complaints: readonly Complaint[]; own: Failure }> {
    const { clock, signal } = this.#init;
    const complaints: Complaint[] = [{ kind: first.complaint ?? 'lost', stage: index }];
    const untilMs = clock.now() + BLAME_GRACE_MS;
    let own = first;
    while (own.complaint !== undefined) {
      const leftMs = untilMs - clock.now();
      const word = leftMs > 0 ? await this.#stages.next(leftMs, signal) : undefined;
      if (word === undefined) break;
      const failure = this.#failureOf(word);
      if (failure === undefined) continue;
      complaints.push({ kind: failure.complaint ?? 'lost', stage: word.index });
      if (failure.complaint === undefined) own = failure;
    }
    return { complaints, own };
  }

  #stalled(): AttemptResult {
    const error = new StageStalledError();
    const culprit = findStalled(this.#done);
    const verdict = this.#verdictOn(culprit, classifyLoss(error));
    return { ended: false, error, verdict, timing: this.#timer.elapsed(), culprit };
  }

  /** Another's word alone makes nobody chosen last, unless it is this device's own. */
  #verdictOn({ accuser }: Culprit, verdict: FailureVerdict): FailureVerdict {
    const isOwnWord = accuser === undefined || this.#init.route.stages[accuser]?.local === true;
    return isOwnWord ? verdict : { ...verdict, penalise: false, excuses: false };
  }

  async #ended(event: Extract<StageEvent, { type: 'end' }>): Promise<AttemptResult> {
    const reports = this.#lastStage === 0 ? [] : await this.#reports();
    return { ended: true, reason: event.reason, timing: event.timing, reports };
  }

  /** What each stage says the answer took it; those that are lost or do not say so in time are left out. */
  async #reports(): Promise<StageReport[]> {
    const { clock, signal, route } = this.#init;
    const reports = new Map<number, StageReport>();
    const untilMs = clock.now() + SUMMARY_WAIT_MS;
    this.#stages.finish();
    while (route.stages.some((_, index) => !reports.has(index) && this.#stages.expects(index))) {
      const leftMs = untilMs - clock.now();
      const word = leftMs > 0 ? await this.#stages.next(leftMs, signal) : undefined;
      if (word === undefined) break;
      const { index } = word;
      if (!('event' in word) || word.event.type !== 'summary') continue;
      const { prefillMs, decodeMs, decodeSteps, sentBytes } = word.event;
      const peer = route.stages[index]?.peer as PeerName;
      reports.set(index, { peer, prefillMs, decodeMs, decodeSteps, sentBytes });
    }
    return [...reports].sort(([left], [right]) => left - right).map(([, report]) => report);
  }

  #allAccepted(): boolean {
    return this.#done.every((_, index) => this.#stages.accepted(index));
  }

  #sessionRequest(index: number): SessionRequest {
    const { request, session, manifest, route, format } = this.#init;
    const { stages } = route;
    const layers = (stages[index] as (typeof stages)[number]).layers;
    if (stages.length === 1) return { ...request, session, manifest, layers };
    const knowsTokens = index === 0 || index === this.#lastStage;
    return {
      ...request,
      tokens: knowsTokens ? request.tokens : [],
      session,
      manifest,
      layers,
      chain: { peers: stages.map(({ peer }) => peer), index, tokenCount: request.tokens.length, format },
    };
  }
}

/** A chain as if it were one peer: a token passes through all of its stages. */
function combinedRates({ stages }: PlannedRoute) {
  const [first] = stages;
  if (first !== undefined && stages.length === 1) return first.served;
  return {
    slots: Math.max(1, ...stages.map(({ served }) => served.slots)),
    prefillTokensPerSecond: rateOfAll(stages.map(({ served }) => served.prefillTokensPerSecond)),
    decodeTokensPerSecond: rateOfAll(stages.map(({ served }) => served.decodeTokensPerSecond)),
  };
}

/** One after the other; 0 where one of them is not known. */
const rateOfAll = (rates: readonly number[]) =>
  rates.some((rate) => rate <= 0) ? 0 : 1 / rates.reduce((sum, rate) => sum + 1 / rate, 0);
