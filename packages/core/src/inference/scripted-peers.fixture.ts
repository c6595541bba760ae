import type { LayerRange, ManifestHash, ModelId, PeerName } from '../ids.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { ServedModel } from '../membership/advert.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { createCoordinator } from './coordinator.ts';
import type { CoordinatorEvent, CoordinatorRequest } from './coordinator-types.ts';
import { SessionCancelledError } from './errors.ts';
import type { SessionRequest, StageEvent, StageSession } from './stage-session.ts';

const MANIFEST = 'd'.repeat(64) as ManifestHash;

export const scriptedRequest: CoordinatorRequest = {
  model: 'fake' as ModelId,
  manifest: MANIFEST,
  layerCount: 4,
  vocabularySize: 1_000,
  tokens: [1, 2, 3],
  promptTokenCount: 3,
  maxTokens: 4,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 7 },
};

/** A peer's end of one session, for a script to speak at. */
export interface ScriptedSession {
  readonly request: SessionRequest;
  /** Names in the chain, or its own alone. */
  readonly peers: readonly string[];
  readonly isLast: boolean;
  readonly finished: Promise<void>;
  isClosed(): boolean;
  say(event: StageEvent): void;
  /** Loses the session from the peer's side. */
  fail(error: unknown): void;
}

export type Script = (session: ScriptedSession) => void | Promise<void>;

/** What came of a request. */
export interface ScriptedOutcome {
  readonly events: readonly CoordinatorEvent[];
  /** `end`, the code it failed with, or `pending`. */
  readonly result: string;
  /** Names of each route, joined by `>`. */
  readonly routes: readonly string[];
  readonly tookMs: number;
}

export const accepted = (rttMs = 1): StageEvent => ({ type: 'accepted', hop: { rttMs, direct: true } });

export const reported = (code: string): StageEvent => ({
  type: 'error',
  error: { name: 'X', code, message: '', retryable: true },
});

export const TIMING = { queuedMs: 0, prefillMs: 1, decodeMs: 1 };

/** A stage that does what it is asked to. */
export const honest =
  (rttMs = 1): Script =>
  async ({ request, isLast, finished, say }) => {
    const total = request.chain?.tokenCount ?? request.tokens.length;
    say(request.chain === undefined ? { type: 'accepted' } : accepted(rttMs));
    say({ type: 'progress', state: 'prefill', done: total, total });
    if (isLast) {
      for (let token = 5; token < 5 + request.maxTokens; token++) say({ type: 'token', token });
      say({ type: 'end', reason: 'length', timing: TIMING });
    }
    await finished;
    say({ type: 'summary', prefillMs: 1, decodeMs: 1, decodeSteps: 1, sentBytes: 1 });
  };

/** Peers that say what their scripts tell, at times of a clock that the test moves. */
export class ScriptedPeers {
  readonly clock = new FakeClock();
  /** Peers in the order in which sessions were opened on them. */
  readonly opened: string[] = [];
  readonly #registry = createPeerRegistry({ clock: this.clock });
  readonly #peers = new Map<string, { announced: ServedModel; script: Script }>();
  #sequence = 0;

  add(name: string, { start, end }: LayerRange, script: Script = honest(), rate = 100): void {
    const announced: ServedModel = {
      id: 'fake',
      manifest: MANIFEST,
      layers: [start, end],
      engine: 'wasm',
      contextLength: 2_048,
      slots: 8,
      freeSlots: 8,
      queued: 0,
      decodeTokensPerSecond: rate,
      prefillTokensPerSecond: 1_000,
    };
    this.#peers.set(name, { announced, script });
    this.announce(name);
  }

  script(name: string, script: Script): void {
    const peer = this.#peers.get(name);
    if (peer !== undefined) peer.script = script;
  }

  announce(...names: readonly string[]): void {
    for (const name of names.length > 0 ? names : this.#peers.keys()) {
      const peer = this.#peers.get(name);
      if (peer === undefined) continue;
      const models = [peer.announced];
      this.#sequence += 1;
      const advert = { v: 1, sequence: this.#sequence, run: 1, state: 'serving', kind: 'node', models } as const;
      this.#registry.offer(name as PeerName, advert);
    }
  }

  coordinator(rttMs = 1) {
    return createCoordinator({
      registry: this.#registry,
      openSession: (peer, request) => Promise.resolve(this.#open(peer, request)),
      rttMs: () => rttMs,
      clock: this.clock,
      random: () => 0.5,
    });
  }

  /** Runs a request, moving the clock by `stepMs` at a time for at most `mostMs`; all announce every 10 s. */
  async run(
    coordinator: ReturnType<ScriptedPeers['coordinator']>,
    { mostMs = 0, stepMs = 100, request = scriptedRequest } = {},
  ): Promise<ScriptedOutcome> {
    const events: CoordinatorEvent[] = [];
    const sinceMs = this.clock.now();
    const outcome = { result: 'pending' };
    const running = (async () => {
      try {
        for await (const event of coordinator.run(request, { signal: new AbortController().signal }))
          events.push(event);
        outcome.result = 'end';
      } catch (error) {
        outcome.result = (error as { code?: string }).code ?? String(error);
      }
    })();
    const settled = async () => {
      for (let turn = 0; turn < 10 && outcome.result === 'pending'; turn++) await settle();
    };
    await settled();
    for (let passedMs = 0; outcome.result === 'pending' && passedMs < mostMs; passedMs += stepMs) {
      if (passedMs % 10_000 === 0) this.announce();
      await this.clock.advance(stepMs);
      await settled();
    }
    if (outcome.result !== 'pending') await running;
    const routes = events.flatMap((event) =>
      event.type === 'route' ? [event.stages.map(({ peer }) => peer).join('>')] : [],
    );
    return { events, result: outcome.result, routes, tookMs: this.clock.now() - sinceMs };
  }

  #open(peer: string, request: SessionRequest): StageSession {
    this.opened.push(peer);
    const said: StageEvent[] = [];
    const finish = Promise.withResolvers<void>();
    let changed = Promise.withResolvers<void>();
    let lost: { error: unknown } | undefined;
    let isClosed = false;
    const change = () => {
      changed.resolve();
      changed = Promise.withResolvers();
    };
    const { chain } = request;
    void this.#peers.get(peer)?.script({
      request,
      peers: chain?.peers ?? [peer],
      isLast: chain === undefined || chain.index === chain.peers.length - 1,
      finished: finish.promise,
      isClosed: () => isClosed,
      say(event) {
        said.push(event);
        change();
      },
      fail(error) {
        lost = { error };
        change();
      },
    });
    return {
      async next() {
        for (;;) {
          const event = said.shift();
          if (event !== undefined) return event;
          if (lost !== undefined) throw lost.error;
          if (isClosed) throw new SessionCancelledError();
          await changed.promise;
        }
      },
      finish: () => finish.resolve(),
      close() {
        isClosed = true;
        change();
      },
    };
  }
}
