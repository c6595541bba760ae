import { errorCode, OpenGatewayError } from '../errors.ts';
import { PromptTooLongError } from '../generation/errors.ts';
import type { PeerName, SessionId } from '../ids.ts';
import { planRoute } from '../routing/plan-route.ts';
import type { PlannedRoute, PlannedStage, Rejection, RoutePlan } from '../routing/types.ts';
import { MAX_HOP_RTT_MS } from '../routing/constants.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { attempt } from './attempt.ts';
import type { AttemptResult } from './attempt.ts';
import { CAPACITY_RETRY_MS, MAX_ATTEMPTS_WITHOUT_PROGRESS, MAX_FAILOVERS, MIN_ACCUSERS } from './constants.ts';
import type { BrokenWays } from './broken-ways.ts';
import type { CoordinatorComponents } from './coordinator.ts';
import type { CoordinatorEvent, CoordinatorRequest, HopReport, StageReport } from './coordinator-types.ts';
import type { Excuse, Excuses } from './excuses.ts';
import type { Culprit } from './find-culprit.ts';
import type { HopTimes } from './hop-times.ts';
import type { HiddenFormat } from './layer-runner.ts';
import { CapacityError, ContextRefusedError, NoRouteError, RouteLostError, SessionLostError } from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';
import type { GenerateRequest, StageTiming } from './generator.ts';
import { openLocalSession } from './local-session.ts';
import { noRouteWords } from './no-route-words.ts';
import type { PeerPenalties } from './peer-penalties.ts';
import { RequestExclusions } from './request-exclusions.ts';
import type { SessionLedger } from './session-ledger.ts';
import type { SessionRequest, StageSession } from './stage-session.ts';
import type { Ticket, WaitingLine } from './waiting-line.ts';

/** What all requests of one coordinator share. */
export interface RequestRunShared {
  readonly components: CoordinatorComponents;
  readonly ledger: SessionLedger;
  readonly penalties: PeerPenalties;
  readonly brokenWays: BrokenWays;
  readonly excuses: Excuses;
  readonly hopTimes: HopTimes;
  readonly hiddenFormat: HiddenFormat;
  readonly line: WaitingLine;
  readonly capacityWaitMs: number;
  readonly rerouteWaitMs: number;
  nextSession(): string;
  /** Counts requests. */
  nextArrival(): number;
  onFailover(): void;
}

/** One request from its first plan to its end, over as many peers as it takes. */
export class RequestRun {
  readonly #shared: RequestRunShared;
  readonly #request: CoordinatorRequest;
  readonly #signal: AbortSignal;
  readonly #arrival: number;
  /** Tokens the client has: what the next peer is given beside the prompt. */
  readonly #given: number[] = [];
  readonly #exclusions: RequestExclusions;
  /** Who gave up for no fault. */
  readonly #excused = new Map<PeerName, Excuse>();
  /** Who says that the request is at fault, by the code reported; none of them is asked again. */
  readonly #accusers = new Map<string, Set<PeerName>>();
  #attempts = 0;
  #failovers = 0;
  #attemptsWithoutProgress = 0;
  #lastError: unknown;
  #spent: StageTiming = { queuedMs: 0, prefillMs: 0, decodeMs: 0 };
  #ticket: Ticket | undefined;
  #capacityDeadlineMs: number | undefined;

  constructor(shared: RequestRunShared, request: CoordinatorRequest, signal: AbortSignal) {
    this.#shared = shared;
    this.#request = request;
    this.#signal = signal;
    this.#arrival = shared.nextArrival();
    this.#exclusions = new RequestExclusions(shared.components);
  }

  async *events(): AsyncGenerator<CoordinatorEvent, void> {
    const leaveLine = () => this.#ticket?.leave();
    this.#signal.addEventListener('abort', leaveLine, { once: true });
    try {
      if (!this.#shared.line.isEmpty(this.#request.manifest)) yield* this.#waitForPlace();
      for (;;) {
        this.#signal.throwIfAborted();
        if (this.#given.length === this.#request.maxTokens) return yield this.#end('length', this.#spent);
        const plan = this.#plan();
        if (plan.route === undefined) yield* this.#waitForRoute(plan);
        else if (yield* this.#runOn(plan.route)) return;
      }
    } finally {
      this.#signal.removeEventListener('abort', leaveLine);
      leaveLine();
    }
  }

  /** Runs one session; true when the answer is complete. */
  async *#runOn(route: PlannedRoute): AsyncGenerator<CoordinatorEvent, boolean> {
    const { ledger, line, nextSession, components } = this.#shared;
    const seenMs = route.stages.map(({ peer }) => components.registry.get(peer)?.lastSeenMs ?? 0);
    const endSessions = route.stages.map(({ peer }) => ledger.start(peer));
    let accepted = false;
    const release = () => {
      for (const endSession of endSessions) endSession();
      if (accepted) line.wake(); // a refused session frees no place: waking for it would never end
    };
    this.#signal.addEventListener('abort', release, { once: true });
    const events = attempt({
      route,
      session: nextSession() as SessionId,
      manifest: this.#request.manifest,
      request: this.#remaining(),
      vocabularySize: this.#request.vocabularySize,
      format: this.#shared.hiddenFormat,
      clock: components.clock,
      signal: this.#signal,
      open: (index, request, options) => this.#open(route.stages[index] as PlannedStage, request, options),
    });
    try {
      for (;;) {
        const next = await events.next();
        if (next.done === true) {
          const done = this.#settle(route, next.value, seenMs);
          if (done !== undefined) yield done;
          return done !== undefined;
        }
        const event = next.value;
        if (event.type === 'accepted') {
          accepted = true;
          this.#noteHops(route, event.hops);
          yield this.#routeEvent(route, event.hops);
          continue;
        }
        if (event.type === 'token') this.#noteToken(event.token);
        yield event;
      }
    } finally {
      // Reached by a client that stops iterating, too: the session must not outlive its reader.
      await events.return(undefined as never);
      this.#signal.removeEventListener('abort', release);
      release();
    }
  }

  async #open(stage: PlannedStage, request: SessionRequest, options: { signal: AbortSignal }): Promise<StageSession> {
    const { local, openSession } = this.#shared.components;
    if (!stage.local || local === undefined) return openSession(stage.peer, request, options);
    if (request.chain === undefined) return openLocalSession(local.generator, request, options);
    if (local.openPart === undefined) throw new SessionLostError('This device does not take part in chains.');
    return local.openPart(request, options);
  }

  #noteHops({ stages }: PlannedRoute, hops: readonly (HopReport | undefined)[]): void {
    for (const [index, hop] of hops.entries()) {
      const from = stages[index]?.peer;
      const to = stages[(index + 1) % stages.length]?.peer;
      if (hop !== undefined && from !== undefined && to !== undefined) this.#shared.hopTimes.note(from, to, hop.rttMs);
    }
  }

  #plan(): RoutePlan {
    const { components, ledger, penalties } = this.#shared;
    const { manifest, layerCount } = this.#request;
    const { tokens, maxTokens } = this.#remaining();
    const served = components.local?.served(manifest);
    return planRoute(
      { manifest, layerCount, promptTokens: tokens.length, maxTokens },
      {
        peers: components.registry.peers(),
        rttMs: (peer) => components.rttMs(peer),
        hopRttMs: (from, to) => this.#shared.hopTimes.get(from, to),
        unseenSessions: (peer, sinceMs) => ledger.unseen(peer, sinceMs),
        excluded: this.#exclusions.peers(),
        excludedHops: this.#exclusions.hops(),
        penalised: (peer) => penalties.has(peer),
        local: components.local === undefined || served === undefined ? undefined : { ...components.local, served },
      },
    );
  }

  #remaining(): GenerateRequest {
    const { tokens, promptTokenCount, maxTokens, endTokens, sampling } = this.#request;
    return {
      tokens: [...tokens, ...this.#given],
      promptTokenCount,
      maxTokens: maxTokens - this.#given.length,
      endTokens,
      sampling,
    };
  }

  #routeEvent(route: PlannedRoute, hops: readonly (HopReport | undefined)[]): CoordinatorEvent {
    this.#ticket?.served();
    this.#ticket = undefined;
    this.#exclusions.clearBusy();
    this.#attempts += 1;
    const reason = this.#attempts > 1 ? errorCode(this.#lastError) : undefined;
    const stages = route.stages.map(({ peer, engine, layers }, index) => {
      const hop = hops[index];
      return hop === undefined ? { peer, engine, layers } : { peer, engine, layers, hop };
    });
    const event = { type: 'route', stages, attempt: this.#attempts } as const;
    return reason === undefined ? event : { ...event, reason };
  }

  #noteToken(token: number): void {
    this.#given.push(token);
    this.#attemptsWithoutProgress = 0;
  }

  /** The `end` event, or undefined where the request goes on elsewhere. @throws what cannot be helped. */
  #settle(route: PlannedRoute, result: AttemptResult, seenMs: readonly number[]): CoordinatorEvent | undefined {
    const { components, penalties, onFailover } = this.#shared;
    if (result.ended) {
      this.#noteSuccess(route);
      return this.#end(result.reason, add(this.#spent, result.timing), result.reports);
    }
    const { error, verdict, culprit } = result;
    const stage = route.stages[culprit.stage] as PlannedStage;
    const { peer } = stage;
    this.#spent = add(this.#spent, result.timing);
    components.logger?.info({ peer, code: errorCode(error), action: verdict.action }, 'session not completed');
    if (verdict.action === 'fail') throw error;
    this.#lastError = error;
    if (verdict.action === 'busy') {
      this.#exclusions.noteBusy(peer);
      return undefined;
    }
    this.#exclusions.noteFailed(peer);
    if (culprit.accuser !== undefined) this.#noteBrokenWay(route, culprit, culprit.accuser);
    if (verdict.penalise) penalties.add(peer);
    if (verdict.excuses) this.#excused.set(peer, { atMs: components.clock.now(), seenMs: seenMs[culprit.stage] ?? 0 });
    onFailover();
    this.#failovers += 1;
    this.#attemptsWithoutProgress += 1;
    if (this.#attemptsWithoutProgress >= MAX_ATTEMPTS_WITHOUT_PROGRESS || this.#failovers >= MAX_FAILOVERS) {
      throw this.#lost(this.#lossesInWords());
    }
    if (verdict.accuses) this.#noteAccusation(stage, errorCode(error) ?? '');
    return undefined;
  }

  /** An answer that others complete was not impossible: who gives up such ones again and again is chosen last. */
  #noteSuccess({ stages }: PlannedRoute): void {
    const { penalties, excuses } = this.#shared;
    for (const { peer } of stages) {
      penalties.clear(peer);
      this.#excused.delete(peer);
    }
    for (const [peer, excuse] of this.#excused) if (excuses.note(peer, excuse)) penalties.add(peer);
  }

  /** What one end of a way says of the other costs the other its place in this request, and no more. */
  #noteBrokenWay({ stages }: PlannedRoute, { hop, stage }: Culprit, accuser: number): void {
    const { hopTimes, brokenWays, penalties } = this.#shared;
    const peerOf = (index: number) => (stages[index] as PlannedStage).peer;
    const [accused, accusing] = [peerOf(stage), peerOf(accuser)];
    const [from, to] = hop?.from === stage ? [accused, accusing] : [accusing, accused];
    // Other requests use it where there is no better one: whichever end is at fault, it is again.
    hopTimes.note(from, to, MAX_HOP_RTT_MS);
    this.#exclusions.noteBrokenWay({ from, to, accused, accuser: accusing });
    if (stages[accuser]?.local === true) return;
    const suspect = brokenWays.note(accusing, accused);
    if (suspect !== undefined) penalties.add(suspect);
    if (suspect === accusing) this.#exclusions.disbelieve(accusing);
  }

  /** One stranger's word is not enough to fail a request; this device's own is. @throws when it is at fault. */
  #noteAccusation({ peer, local }: PlannedStage, code: string): void {
    const accusers = this.#accusers.get(code) ?? new Set();
    this.#accusers.set(code, accusers.add(peer));
    this.#exclusions.noteRefused(peer);
    if (!local && accusers.size < MIN_ACCUSERS) return;
    if (code === 'context_length_exceeded') throw new ContextRefusedError({ cause: this.#lastError });
    throw this.#lost('The peers that serve this model refuse this request.');
  }

  #lossesInWords(): string {
    const peers = this.#exclusions.failed;
    const losses = this.#failovers;
    const who = peers === 1 ? 'one peer' : `${peers} different peers`;
    return `The answer was begun and lost ${losses} times, on ${who}.`;
  }

  #end(reason: 'stop' | 'length', timing: StageTiming, reports: readonly StageReport[] = []): CoordinatorEvent {
    return { type: 'end', reason, timing, failovers: this.#failovers, reports };
  }

  #lost(message: string): OpenGatewayError {
    const options = { cause: this.#lastError };
    return this.#given.length > 0 ? new RouteLostError(message, options) : new NoRouteError(message, options);
  }

  /** Waits because of whatever keeps the plan empty. @throws `no_route`, `capacity`, `route_lost`, … */
  async *#waitForRoute(plan: RoutePlan): AsyncGenerator<CoordinatorEvent, void> {
    const { rejections, full } = plan;
    if (this.#exclusions.anyBusy || full) return yield* this.#waitForPlace(full);
    if (this.#failovers > 0) return yield* this.#waitForPeer();
    this.#shared.components.logger?.info({ rejections: rejections.slice(0, 16) }, 'no route');
    const tooShort = rejections.length > 0 && able(rejections).every(({ reason }) => reason === 'context-too-short');
    if (tooShort && able(rejections).length > 0) {
      throw new PromptTooLongError(this.#remaining().tokens.length, this.#longestContext());
    }
    throw new NoRouteError(noRouteWords(plan, this.#request));
  }

  #longestContext(): number {
    const { registry, local } = this.#shared.components;
    const { manifest } = this.#request;
    const models = [...registry.peers().flatMap(({ advert }) => advert.models), local?.served(manifest)];
    return Math.max(0, ...models.map((model) => (model?.manifest === manifest ? model.contextLength : 0)));
  }

  /** Every peer is full: waits in line until it is this request's turn to try again. */
  async *#waitForPlace(full = false): AsyncGenerator<CoordinatorEvent, void> {
    const { components, line, capacityWaitMs } = this.#shared;
    const { clock } = components;
    const sinceMs = clock.now();
    this.#capacityDeadlineMs ??= sinceMs + capacityWaitMs;
    this.#ticket ??= line.enter(this.#request.manifest, {
      arrival: this.#arrival,
      inMidAnswer: this.#given.length > 0,
      client: this.#request.client,
    });
    // Whoever has just found every peer full waits for a change first; a newcomer only for those ahead.
    let mayTry = !this.#exclusions.anyBusy && !full;
    for (;;) {
      if (this.#ticket.turnedAway())
        throw new CapacityError('Every peer is full, and others wait with fewer requests.');
      if (mayTry && this.#ticket.ahead() === 0) break;
      if (clock.now() >= this.#capacityDeadlineMs) throw new CapacityError('Every peer stayed full for too long.');
      const { moved } = this.#ticket;
      yield { type: 'progress', state: 'queued', done: this.#ticket.ahead(), total: this.#ticket.waiting() };
      await this.#pause(CAPACITY_RETRY_MS, moved);
      mayTry = true;
    }
    this.#exclusions.clearBusy();
    this.#spent = add(this.#spent, { queuedMs: clock.now() - sinceMs, prefillMs: 0, decodeMs: 0 });
  }

  /** The last peer was lost: waits for one to appear. */
  async *#waitForPeer(): AsyncGenerator<CoordinatorEvent, void> {
    const { components, rerouteWaitMs } = this.#shared;
    const { clock, registry } = components;
    const sinceMs = clock.now();
    for (let plan = this.#plan(); plan.route === undefined; plan = this.#plan()) {
      if (clock.now() - sinceMs >= rerouteWaitMs) {
        throw this.#lost(`A peer was lost and none took its place. ${noRouteWords(plan, this.#request)}`);
      }
      yield { type: 'progress', state: 'queued', done: 0, total: 1 };
      const changed = Promise.withResolvers<void>();
      const unsubscribe = registry.subscribe(() => changed.resolve());
      try {
        await this.#pause(HEARTBEAT_MS, changed.promise);
      } finally {
        unsubscribe();
      }
    }
    this.#spent = add(this.#spent, { queuedMs: clock.now() - sinceMs, prefillMs: 0, decodeMs: 0 });
  }

  /** Resolves with `event` or after `ms`, whichever is first. */
  async #pause(ms: number, event: Promise<void>): Promise<void> {
    const settled = new AbortController();
    const timer = this.#shared.components.clock.sleep(ms, settled.signal);
    timer.catch(() => {}); // ended by the line below
    try {
      await raceAbort(Promise.race([timer, event]), this.#signal);
    } finally {
      settled.abort();
    }
  }
}

/** Those that serve the whole model at all. */
const able = (rejections: readonly Rejection[]) =>
  rejections.filter(({ reason }) => reason !== 'model-not-served' && reason !== 'part-of-model');

const add = (a: StageTiming, b: StageTiming): StageTiming => ({
  queuedMs: a.queuedMs + b.queuedMs,
  prefillMs: a.prefillMs + b.prefillMs,
  decodeMs: a.decodeMs + b.decodeMs,
});
