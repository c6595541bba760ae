import { readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OpenGatewayError, errorCode } from '../errors.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import { HEARTBEAT_MS } from '../inference/generator.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import { manifestHash } from '../models/canonical-manifest.ts';
import { decodeManifest } from '../models/parse-manifest.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import { FETCH_RETRY_MS, MAX_HELD_MODELS, MIN_MEMORY_STAY_MS } from './constants.ts';
import { createContributor } from './contributor.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { GenerateEvent, GenerateRequest } from '../inference/generator.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ServeInit } from '../p2p/network.ts';
import type { ContributorEngine } from './engine.ts';
import type { HeldModel, StartContributing } from './types.ts';

const known = decodeManifest(
  await readFile(new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url)),
);
const NAMES = ['first', 'second', 'third'];
const manifests = new Map<string, Uint8Array>();
const entries: CatalogEntry[] = [];
beforeAll(async () => {
  for (const id of NAMES) {
    const manifest = { ...known, id };
    manifests.set(id, new TextEncoder().encode(JSON.stringify(manifest)));
    entries.push({
      id,
      name: id,
      manifest: await manifestHash(manifest),
      manifestUrl: `/models/${id}/manifest.json`,
      bytes: 100e6,
      layerCount: 30,
      contextLength: 8192,
      license: 'Apache-2.0',
    });
  }
});

/** An engine that says which model it was told to load or keep, and answers with it. */
class FakeEngine implements ContributorEngine<string> {
  readonly calls: string[];
  storeFailure: string | undefined;
  onLoad: () => Promise<void> = async () => {};
  onKeep: (model: string, signal: AbortSignal) => Promise<void> = async () => {};
  crash: (error: OpenGatewayError) => void = () => {};
  #model = '';

  constructor(calls: string[]) {
    this.calls = calls;
  }

  generator = {
    generate: async function* (this: FakeEngine): AsyncGenerator<GenerateEvent> {
      yield { type: 'token', token: NAMES.indexOf(this.#model) };
      yield { type: 'end', reason: 'stop', timing: { queuedMs: 0, prefillMs: 1, decodeMs: 2 } };
    }.bind(this),
  };
  layers = new FakeLayerRunner();

  load: ContributorEngine<string>['load'] = async ({ weights }, { onProgress }) => {
    this.calls.push(`load ${weights}`);
    if (this.storeFailure !== undefined) {
      const storeFailure = { name: 'E', code: this.storeFailure, message: 'why', retryable: false };
      onProgress({ type: 'weights-progress', doneBytes: 9, totalBytes: 10, fetchedBytes: 9, storeFailure });
    }
    await this.onLoad();
    this.#model = weights;
    return {
      info: { maxSequences: 8, variant: 'simd' },
      decodeTokensPerSecond: 90,
      prefillTokensPerSecond: 200,
    };
  };
  keep: ContributorEngine<string>['keep'] = async ({ weights }, { signal, onProgress }) => {
    this.calls.push(`keep ${weights}`);
    onProgress({ type: 'weights-progress', doneBytes: 40, totalBytes: 100, fetchedBytes: 40 });
    await this.onKeep(weights, signal);
  };
  setShare = async (share: number) => void this.calls.push(`share ${this.#model} ${share}`);
  stats = async () => ({ tokensPerSecond: 5, storedBytes: 42 });
  unload = async () => void this.calls.push(`unload ${this.#model}`);
  forgetWeights = async () => void this.calls.push('forget');
  terminate = async () => void this.calls.push('terminate');
  onCrash = (listener: (error: OpenGatewayError) => void) => {
    this.crash = listener;
    return () => void (this.crash = () => {});
  };
}

const ignored = () => {};

class FakeNetwork {
  serving: ServeInit | null = null;
  announced = 0;
  readonly peer = 'self' as PeerName;
  readonly registry = createPeerRegistry({ clock: new FakeClock() });
  relayConnected = () => true;
  onRelayChange = () => () => {};
  serve = (init: ServeInit) => {
    this.serving = init;
    return {
      announce: () => void (this.announced += 1),
      ready: ignored,
      pause: ignored,
      resume: ignored,
      leave: async () => void (this.serving = null),
      sessions: () => 0,
    };
  };
}

const requestFor = (entry: CatalogEntry | undefined): GenerateRequest => ({
  ...(entry === undefined ? {} : { manifest: entry.manifest as ManifestHash }),
  tokens: [1],
  promptTokenCount: 1,
  maxTokens: 5,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, seed: 1 },
});

let clock: FakeClock;
let calls: string[];
let engines: FakeEngine[];
let network: FakeNetwork;
beforeEach(() => {
  clock = new FakeClock();
  calls = [];
  engines = [];
  network = new FakeNetwork();
});

/** A contributor with an engine for each of the models; `prepare` sees each engine before it is used. */
function setup({
  single = false,
  prepare = () => {},
}: { single?: boolean; prepare?: (engine: FakeEngine) => void } = {}) {
  const createEngine = () => {
    const engine = new FakeEngine(calls);
    engines.push(engine);
    prepare(engine);
    return engine;
  };
  const contributor = createContributor<string>(
    {
      engine: createEngine(),
      ...(single ? {} : { createEngine }),
      network,
      clock,
      fetchManifest: async ({ id }) => manifests.get(id)!,
      locateWeights: ({ id }) => id,
    },
    { kind: 'node' },
  );
  const held = () => contributor.snapshot().held;
  const isSettled = () => held().every(({ state, error }) => state !== 'fetching' || error !== null);
  /** Until the others are held or given up, or the one named is being fetched. */
  const start = async (options: Partial<StartContributing> = {}, fetched?: string) => {
    await contributor.start({ entry: entries[0]!, others: entries.slice(1), engine: 'wasm', ...options });
    while (fetched === undefined ? !isSettled() : !calls.includes(`keep ${fetched}`)) await settle();
  };
  const states = () => held().map(({ state, error }) => error?.code ?? state);
  return { contributor, start, held, states };
}

async function answer(entry: CatalogEntry | undefined): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  const signal = new AbortController().signal;
  for await (const event of network.serving!.generator.generate(requestFor(entry), { signal })) events.push(event);
  return events;
}

const failed = (code: string, retryable = false) => new OpenGatewayError(code, 'why', { retryable });

/** Memory for one of the models, which are alike: weights, cache and engine. */
const ONE_MODEL_BYTES = 600e6;

describe('a contributor of several models', () => {
  it('serves the first while it fetches the others in turn, and announces those that are complete', async () => {
    const kept = Promise.withResolvers<void>();
    const { start, states, held } = setup({
      prepare: (engine) => {
        engine.onKeep = (model) => (model === 'second' ? kept.promise : Promise.resolve());
      },
    });
    await start({}, 'second');
    expect(calls).toEqual(['load first', 'keep second']);
    expect(states()).toEqual(['memory', 'fetching', 'fetching']);
    expect(held()[1]).toMatchObject({ doneBytes: 40, totalBytes: 100 });
    expect(network.serving!.served().map(({ id }) => id)).toEqual(['first']);
    expect(await answer(undefined)).toHaveLength(2);
    kept.resolve();
    while (states().includes('fetching')) await settle();
    expect(calls).toEqual(['load first', 'keep second', 'keep third']);
    expect(states()).toEqual(['memory', 'disk', 'disk']);
    expect(held()[1]).toMatchObject({ doneBytes: 100, totalBytes: 100, error: null });
    const [first, second] = network.serving!.served();
    expect(first).not.toHaveProperty('stored');
    // As large as the first, so expected to be as fast.
    expect(second).toMatchObject({
      id: 'second',
      stored: true,
      layers: [0, 30],
      contextLength: 8192,
      freeSlots: 8,
      decodeTokensPerSecond: 90,
    });
    expect(second!.bytes).toBeGreaterThan(50e6);
  });

  it('skips what has no room, says why, and goes on with the next', async () => {
    const { start, states, held } = setup({
      prepare: (engine) => {
        engine.onKeep = async (model) => {
          if (model === 'second') throw failed('storage_too_small');
        };
      },
    });
    await start({ storageBytes: 1e9 });
    expect(states()).toEqual(['memory', 'storage_too_small', 'disk']);
    expect(held()[1]!.state).toBe('fetching');
    expect(network.serving!.served().map(({ id }) => id)).toEqual(['first', 'third']);
    await clock.advance(FETCH_RETRY_MS);
    expect(calls.filter((call) => call === 'keep second')).toHaveLength(1);
  });

  it('tries again to fetch what may come later', async () => {
    let isAway = true;
    const { start, states } = setup({
      prepare: (engine) => {
        engine.onKeep = async () => {
          if (isAway) throw failed('source_failed', true);
        };
      },
    });
    await start();
    expect(states()).toEqual(['memory', 'source_failed', 'source_failed']);
    isAway = false;
    await clock.advance(FETCH_RETRY_MS);
    while (states().includes('source_failed')) await settle();
    expect(states()).toEqual(['memory', 'disk', 'disk']);
  });

  it('loads what is asked for in place of what is not, and tells the request meanwhile', async () => {
    const loaded = Promise.withResolvers<void>();
    const { start, states } = setup({
      prepare: (engine) => {
        engine.onLoad = () => (calls.at(-1) === 'load second' ? loaded.promise : Promise.resolve());
      },
    });
    await start({ memoryBytes: ONE_MODEL_BYTES });
    await clock.advance(MIN_MEMORY_STAY_MS);
    calls.splice(0);
    const answered = answer(entries[1]);
    await settle();
    expect(states()).toEqual(['disk', 'disk', 'disk']);
    expect(network.serving!.served()[1]).toMatchObject({ id: 'second', stored: true, queued: 1, freeSlots: 0 });
    await clock.advance(HEARTBEAT_MS);
    loaded.resolve();
    const events = await answered;
    const waiting = { type: 'progress', state: 'queued', done: 0, total: 1 };
    expect(events.slice(0, -1)).toEqual([waiting, waiting, { type: 'token', token: 1 }]);
    // What went out of memory is still given to peers.
    expect(calls).toEqual(['unload first', 'terminate', 'keep first', 'load second']);
    expect(states()).toEqual(['disk', 'memory', 'disk']);
    expect(network.serving!.served().map(({ id, stored }) => [id, stored])).toEqual([
      ['second', undefined],
      ['first', true],
      ['third', true],
    ]);
    await clock.advance(MIN_MEMORY_STAY_MS);
    expect((await answer(entries[0])).slice(1, 2)).toEqual([{ type: 'token', token: 0 }]);
  });

  it.each([
    ['storage_full', 'model_not_served'],
    ['stored_chunks_lost', 'answered'],
  ])('puts out only what is on disk: after %s another model’s request is %s', async (storeFailure, outcome) => {
    const { start } = setup({ prepare: (engine) => (engine.storeFailure = storeFailure) });
    await start({ memoryBytes: ONE_MODEL_BYTES, others: entries.slice(1, 2) });
    await clock.advance(MIN_MEMORY_STAY_MS);
    const code = await answer(entries[1]).then(
      () => 'answered',
      (error: unknown) => errorCode(error),
    );
    expect(code).toBe(outcome);
  });

  it('holds as many in memory as there is room for, and counts what all of them do', async () => {
    const { contributor, start, states } = setup();
    await start({ memoryBytes: 2 * ONE_MODEL_BYTES });
    await answer(entries[1]);
    await answer(entries[0]);
    expect(states()).toEqual(['memory', 'memory', 'disk']);
    expect(contributor.snapshot()).toMatchObject({ requestsServed: 2, tokensServed: 2, requestsNow: 0 });
    expect(calls.filter((call) => call.startsWith('unload'))).toEqual([]);
    calls.splice(0);
    contributor.setShare(0.5);
    await settle();
    expect(calls).toEqual(['share first 0.5', 'share second 0.5']);
  });

  it('goes on with the others when one cannot be loaded', async () => {
    const { start, states } = setup({
      prepare: (engine) => {
        engine.onLoad = async () => {
          if (calls.at(-1) === 'load second') throw failed('engine_failed', true);
        };
      },
    });
    await start();
    await expect(answer(entries[1])).rejects.toMatchObject({ code: 'model_not_served', retryable: true });
    expect(states()).toEqual(['memory', 'engine_failed', 'disk']);
    expect(network.serving!.served().map(({ id }) => id)).toEqual(['first', 'third']);
    expect(await answer(entries[0])).toHaveLength(2);
  });

  it('outlives the loss of another model’s engine', async () => {
    const { contributor, start, states } = setup();
    await start();
    await answer(entries[1]);
    engines[1]!.crash(failed('engine_failed'));
    expect(states()).toEqual(['memory', 'engine_failed', 'disk']);
    expect(contributor.snapshot().state).toBe('serving');
    expect(network.serving!.served().map(({ id }) => id)).toEqual(['first', 'third']);
  });

  it('takes part in chains with the first model only, and while that is in memory', async () => {
    const { start } = setup();
    await start({ memoryBytes: ONE_MODEL_BYTES });
    const { runner } = network.serving!.part!;
    const run = async (entry: CatalogEntry) => {
      const request = { ...requestFor(entry), tokenCount: 1, format: 'f32' as const };
      for await (const event of runner.run(request, { signal: new AbortController().signal }).events) return event.type;
      return 'nothing';
    };
    expect(await run(entries[0]!)).toBe('progress');
    await expect(run(entries[1]!)).rejects.toMatchObject({ code: 'model_not_served' });
    await clock.advance(MIN_MEMORY_STAY_MS);
    await answer(entries[1]);
    await expect(run(entries[0]!)).rejects.toMatchObject({ code: 'model_not_served' });
  });

  it('refuses a model that it does not have', async () => {
    const { start } = setup();
    await start({ others: [] });
    const code = await answer(entries[1]).catch((error: unknown) => errorCode(error));
    expect(code).toBe('model_not_served');
  });

  it('leaves out what fits no memory, what is named twice, and what is too much', async () => {
    const { start, held } = setup();
    const others = Array.from({ length: MAX_HELD_MODELS }, (_, index) => ({
      ...entries[1]!,
      id: `m-${index}`,
      manifest: `${index}`.repeat(64),
    }));
    await start({ others: [entries[0]!, entries[1]!, entries[1]!] });
    expect(held().map(({ entry }) => entry.id)).toEqual(['first', 'second']);
    const many = setup();
    await many.start({ others });
    expect(many.held()).toHaveLength(MAX_HELD_MODELS + 1);
    expect(many.held().at(-1)).toMatchObject({ state: 'fetching', error: { code: 'too_many_models' } });
    const small = setup();
    await small.start({ memoryBytes: 100e6, layers: { start: 0, end: 1 }, kvBudgetBytes: 1e6 });
    // The part stays in memory for its chains, so that it and the whole of another would have to fit together.
    expect(small.states()).toEqual(['memory', 'model_too_large', 'model_too_large']);
  });

  it('holds one model where there is one engine', async () => {
    const { start, states } = setup({ single: true });
    await start();
    expect(states()).toEqual(['memory', 'single_model', 'single_model']);
  });

  it('announces itself in the clusters of its models, and in those asked for', async () => {
    const { start } = setup();
    const others: CatalogEntry[] = [{ ...entries[1]!, tier: 'model-a' }];
    await start({ others, tiers: ['starter', 'model-b'] });
    expect(network.serving!.tiers!()).toEqual(['starter', 'model-a', 'model-b']);
  });

  it('ends everything when it stops, a fetch under way included', async () => {
    let ended: AbortSignal | undefined;
    const { contributor, start, held } = setup({
      prepare: (engine) => {
        engine.onKeep = (_model, signal) => {
          ended = signal;
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        };
      },
    });
    await start({}, 'second');
    calls.splice(0);
    await contributor.stop();
    expect(ended?.aborted).toBe(true);
    expect(calls.toSorted()).toEqual(['terminate', 'terminate', 'unload first']);
    expect(held()).toEqual([] satisfies HeldModel[]);
    expect(clock.sleeping).toBe(0);
  });
});
