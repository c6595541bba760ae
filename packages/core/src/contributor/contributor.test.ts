import { readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { OpenGatewayError, errorCode } from '../errors.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import { manifestHash } from '../models/canonical-manifest.ts';
import { decodeManifest } from '../models/parse-manifest.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import { RECONSIDER_INTERVAL_MS, STATS_INTERVAL_MS, SWARM_HEARING_MS, UNLOAD_TIMEOUT_MS } from './constants.ts';
import { createContributor } from './contributor.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { GenerateEvent, GenerateRequest } from '../inference/generator.ts';
import type { LayerRange, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { ServeInit } from '../p2p/network.ts';
import type { ContributorEngine, ContributorLoadProgress } from './engine.ts';
import type { ContributorSnapshot, StartContributing } from './types.ts';

const manifestBytes = await readFile(
  new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url),
);
let entry: CatalogEntry;
beforeAll(async () => {
  entry = {
    id: 'smollm2-135m-instruct',
    name: 'SmolLM2 135M',
    manifest: await manifestHash(decodeManifest(manifestBytes)),
    manifestUrl: '/models/smollm2-135m-instruct/manifest.json',
    bytes: 100,
    layerCount: 30,
    contextLength: 8192,
    license: 'Apache-2.0',
  };
});

class FakeEngine implements ContributorEngine<string> {
  readonly calls: string[] = [];
  readonly layersLoaded: LayerRange[] = [];
  readonly crashListeners = new Set<(error: OpenGatewayError) => void>();
  /** What a load does before it succeeds. */
  onLoad: (report: (progress: ContributorLoadProgress) => void, signal: AbortSignal) => Promise<void> = async () => {};
  onUnload: () => Promise<void> = async () => {};
  events: GenerateEvent[] = [];

  generator = {
    generate: async function* (this: FakeEngine) {
      yield* this.events;
    }.bind(this),
  };

  layers = new FakeLayerRunner();

  load: ContributorEngine<string>['load'] = async (request, { signal, onProgress }) => {
    this.calls.push(`load ${request.engine} ${request.weights}`);
    this.layersLoaded.push(request.layers);
    await this.onLoad(onProgress, signal);
    return {
      info: { maxSequences: 8, variant: 'relaxed-simd' },
      decodeTokensPerSecond: 90,
      prefillTokensPerSecond: 200,
    };
  };
  keep = async () => void this.calls.push('keep');
  setShare = async (share: number) => void this.calls.push(`share ${share}`);
  stats = async () => ({ tokensPerSecond: 55, storedBytes: 42 });
  unload = async () => {
    this.calls.push('unload');
    await this.onUnload();
  };
  forgetWeights = async () => void this.calls.push('forget');
  terminate = async () => void this.calls.push('terminate');
  onCrash = (listener: (error: OpenGatewayError) => void) => {
    this.crashListeners.add(listener);
    return () => void this.crashListeners.delete(listener);
  };
  crash(): void {
    for (const listener of this.crashListeners) listener(new OpenGatewayError('engine_failed', 'lost'));
  }
}

class FakeNetwork {
  readonly calls: string[] = [];
  serving: ServeInit | null = null;
  readonly peer = 'self' as PeerName;
  readonly registry = createPeerRegistry({ clock });
  connected = false;
  relayListener: (connected: boolean) => void = () => {};
  refuse: Error | null = null;

  relayConnected = () => this.connected;
  onRelayChange = (listener: (connected: boolean) => void) => {
    this.relayListener = listener;
    return () => {};
  };
  serve = (init: ServeInit) => {
    if (this.refuse !== null) throw this.refuse;
    this.calls.push('serve');
    this.serving = init;
    return {
      announce: () => void this.calls.push('announce'),
      ready: () => {
        if (init.loading === true) this.calls.push('ready');
      },
      pause: () => void this.calls.push('pause'),
      resume: () => void this.calls.push('resume'),
      leave: async () => {
        this.calls.push('leave');
        this.serving = null;
      },
      sessions: () => 0,
    };
  };
  served(): ServedModel {
    return this.serving!.served()[0]!;
  }
}

/** What a start says to the network: that it loads, and then that it serves. */
const SERVED = ['serve', 'announce', 'ready', 'announce'];

const request: GenerateRequest = {
  tokens: [1],
  promptTokenCount: 1,
  maxTokens: 5,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, seed: 1 },
};
const end: GenerateEvent = { type: 'end', reason: 'stop', timing: { queuedMs: 0, prefillMs: 1, decodeMs: 2 } };

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => errorCode(error),
  );

let clock: FakeClock;
let engine: FakeEngine;
let network: FakeNetwork;
beforeEach(() => {
  clock = new FakeClock();
  engine = new FakeEngine();
  network = new FakeNetwork();
});

function setup(over: Partial<Parameters<typeof createContributor<string>>[0]> = {}) {
  const contributor = createContributor(
    {
      engine,
      network,
      clock,
      fetchManifest: async () => manifestBytes,
      locateWeights: () => 'weights',
      ...over,
    },
    { kind: 'node' },
  );
  const seen: ContributorSnapshot[] = [];
  contributor.subscribe((snapshot) => seen.push(snapshot));
  const states = () => seen.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
  const start = () => contributor.start({ entry, engine: 'wasm' });
  return { contributor, seen, states, start };
}

describe('contributor', () => {
  it('goes from idle to serving and says what it serves', async () => {
    engine.onLoad = async (report) => {
      report({ type: 'weights-progress', doneBytes: 40, totalBytes: 100, fetchedBytes: 40 });
      await clock.advance(500);
      const sources = { fromPeersBytes: 50, fromServerBytes: 10, peers: 3, bytesPerSecond: 400 };
      report({ type: 'weights-progress', doneBytes: 100, totalBytes: 100, fetchedBytes: 60, sources });
      report({ type: 'self-test', decodeTokensPerSecond: 90, prefillTokensPerSecond: 200 });
    };
    const { contributor, seen, states, start } = setup();
    expect(contributor.snapshot().state).toBe('idle');
    await start();
    expect(states()).toEqual(['probing', 'loading', 'self-test', 'serving']);
    expect(seen.find(({ state }) => state === 'self-test')?.loading).toEqual({
      doneBytes: 100,
      totalBytes: 100,
      fetchedBytes: 60,
      bytesPerSecond: 400,
      fromPeersBytes: 50,
      fromServerBytes: 10,
      peers: 3,
    });
    expect(contributor.snapshot()).toMatchObject({
      state: 'serving',
      model: entry,
      engine: 'wasm',
      layers: { start: 0, end: 30 },
      variant: 'relaxed-simd',
      loading: null,
      error: null,
      decodeTokensPerSecond: 90,
      prefillTokensPerSecond: 200,
      storedBytes: 42,
    });
    expect(engine.calls).toEqual(['load wasm weights']);
    expect(network.calls).toEqual(SERVED);
    expect(network.served()).toEqual({
      id: entry.id,
      manifest: entry.manifest,
      layers: [0, 30],
      engine: 'wasm',
      contextLength: 8192,
      slots: 8,
      freeSlots: 8,
      queued: 0,
      decodeTokensPerSecond: 90,
      prefillTokensPerSecond: 200,
    });
  });

  it('makes a new snapshot at every change and never touches an old one', async () => {
    const { contributor, seen, start } = setup();
    const before = contributor.snapshot();
    await start();
    expect(before.state).toBe('idle');
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('follows the link to the relay', () => {
    const { contributor } = setup();
    expect(contributor.snapshot().relayConnected).toBe(false);
    network.relayListener(true);
    expect(contributor.snapshot().relayConnected).toBe(true);
  });

  it('counts requests and tokens and announces its free places', async () => {
    engine.events = [
      { type: 'progress', state: 'queued', done: 0, total: 1 },
      { type: 'progress', state: 'prefill', done: 1, total: 1 },
      { type: 'token', token: 4 },
      { type: 'token', token: 5 },
      end,
    ];
    const { contributor, start } = setup();
    await start();
    const events = network.serving!.generator.generate(request, { signal: new AbortController().signal });
    const iterator = events[Symbol.asyncIterator]();
    await iterator.next();
    expect(network.served()).toMatchObject({ freeSlots: 0, queued: 1 });
    expect(contributor.snapshot()).toMatchObject({ requestsNow: 0, requestsQueued: 1 });
    await iterator.next();
    expect(network.served()).toMatchObject({ freeSlots: 7, queued: 0 });
    expect(contributor.snapshot()).toMatchObject({ requestsNow: 1, requestsQueued: 0 });
    await clock.advance(STATS_INTERVAL_MS);
    expect(contributor.snapshot().tokensPerSecond).toBe(55);
    const endedMs = clock.now();
    while (!(await iterator.next()).done);
    expect(contributor.snapshot()).toMatchObject({
      requestsNow: 0,
      requestsServed: 1,
      tokensServed: 2,
      lastRequestMs: endedMs,
    });
    await clock.advance(STATS_INTERVAL_MS);
    expect(contributor.snapshot().tokensPerSecond).toBe(0);
    expect(clock.sleeping).toBe(0);
    expect(network.calls.filter((call) => call === 'announce').length).toBeGreaterThanOrEqual(4);
  });

  it('frees the place of a request that was left in the middle, without counting it as served', async () => {
    engine.events = [{ type: 'token', token: 4 }, end];
    const { contributor, start } = setup();
    await start();
    for await (const _ of network.serving!.generator.generate(request, { signal: new AbortController().signal })) break;
    expect(contributor.snapshot()).toMatchObject({ requestsNow: 0, requestsServed: 0, tokensServed: 1 });
    expect(network.served().freeSlots).toBe(8);
  });

  it('pauses and resumes with the model loaded', async () => {
    const { contributor, states, start } = setup();
    await start();
    await contributor.pause();
    await contributor.pause();
    expect(contributor.snapshot().state).toBe('paused');
    await contributor.resume();
    await contributor.resume();
    expect(states().slice(-2)).toEqual(['paused', 'serving']);
    expect(network.calls).toEqual([...SERVED, 'pause', 'resume']);
    expect(engine.calls).toEqual(['load wasm weights']);
  });

  it('lets a running answer finish while paused', async () => {
    engine.events = [{ type: 'token', token: 4 }, end];
    const { contributor, start } = setup();
    await start();
    const events = network.serving!.generator.generate(request, { signal: new AbortController().signal });
    const iterator = events[Symbol.asyncIterator]();
    await iterator.next();
    await contributor.pause();
    expect((await iterator.next()).value).toEqual(end);
    await iterator.next();
    expect(contributor.snapshot()).toMatchObject({ state: 'paused', requestsServed: 1, requestsNow: 0 });
  });

  it('hands on what the person lends, and tells the region what to expect of it', async () => {
    const { contributor } = setup();
    let asked: unknown;
    const { load } = engine;
    engine.load = (loadRequest, options) => {
      asked = loadRequest;
      return load(loadRequest, options);
    };
    await contributor.start({ entry, engine: 'wasm', threads: 3, kvBudgetBytes: 9, storageBytes: 7, share: 0.5 });
    expect(asked).toMatchObject({ threads: 3, kvBudgetBytes: 9, storageBytes: 7, share: 0.5 });
    expect(network.served().decodeTokensPerSecond).toBe(45);
    contributor.setShare(0.01);
    expect(engine.calls.at(-1)).toBe('share 0.1');
    expect(network.served().prefillTokensPerSecond).toBe(20);
    expect(contributor.snapshot().decodeTokensPerSecond).toBe(90);
  });

  it.each(['pause', 'resume'] as const)('refuses to %s while idle', async (method) => {
    expect(await codeOf(setup().contributor[method]())).toBe('invalid_state');
  });

  it('refuses a second start', async () => {
    const { start } = setup();
    const first = start();
    expect(await codeOf(start())).toBe('invalid_state');
    await first;
    expect(await codeOf(start())).toBe('invalid_state');
  });

  it('leaves, frees the engine and keeps its totals on stop', async () => {
    engine.events = [{ type: 'token', token: 4 }, end];
    const { contributor, start } = setup();
    await start();
    const events = network.serving!.generator.generate(request, { signal: new AbortController().signal });
    for await (const _ of events);
    await contributor.stop();
    expect(network.calls.at(-1)).toBe('leave');
    expect(engine.calls.at(-1)).toBe('unload');
    expect(contributor.snapshot()).toMatchObject({
      state: 'idle',
      model: null,
      requestsServed: 1,
      tokensServed: 1,
      decodeTokensPerSecond: 0,
    });
    await start();
    for await (const _ of network.serving!.generator.generate(request, { signal: new AbortController().signal }));
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', requestsServed: 2, tokensServed: 2 });
  });

  it('asks the engine nothing after it was freed', async () => {
    engine.events = [{ type: 'token', token: 4 }, end];
    const { contributor, start } = setup();
    await start();
    for await (const _ of network.serving!.generator.generate(request, { signal: new AbortController().signal }));
    await contributor.stop();
    const { stats } = engine;
    let asked = 0;
    engine.stats = () => {
      asked++;
      return stats();
    };
    await clock.advance(10 * STATS_INTERVAL_MS);
    expect(asked).toBe(0);
    expect(clock.sleeping).toBe(0);
  });

  it('stops while paused, and twice', async () => {
    const { contributor, start } = setup();
    await start();
    await contributor.pause();
    await contributor.stop();
    await contributor.stop();
    expect(contributor.snapshot().state).toBe('idle');
    expect(network.calls.filter((call) => call === 'leave')).toHaveLength(1);
  });

  it('stops during loading: the start is rejected and what was announced is taken back', async () => {
    const began = Promise.withResolvers<void>();
    engine.onLoad = (_report, signal) => {
      began.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    const { contributor, states, start } = setup();
    const starting = codeOf(start());
    await began.promise;
    await contributor.stop();
    expect(await starting).toBe('contributor_stopped');
    expect(states()).toEqual(['probing', 'loading', 'idle']);
    expect(network.calls).toEqual(['serve', 'announce', 'leave']);
    expect(engine.calls.at(-1)).toBe('unload');
  });

  it('forgets the weights after stopping', async () => {
    const { contributor, start } = setup();
    await start();
    await contributor.forget();
    expect(engine.calls).toEqual(['load wasm weights', 'unload', 'forget']);
    expect(contributor.snapshot().state).toBe('idle');
  });

  describe('enters error with the typed failure, and starts again from there', () => {
    const broken = new OpenGatewayError('broken', 'it broke', { retryable: true });
    const cases: [string, string, () => Parameters<typeof setup>[0]][] = [
      ['the device is refused', 'broken', () => ({ checkDevice: () => Promise.reject(broken) })],
      ['the manifest cannot be had', 'broken', () => ({ fetchManifest: () => Promise.reject(broken) })],
      ['the manifest is malformed', 'invalid_manifest', () => ({ fetchManifest: async () => new Uint8Array([123]) })],
      [
        'the load fails',
        'broken',
        () => {
          engine.onLoad = () => Promise.reject(broken);
          return {};
        },
      ],
      [
        'the self-test fails',
        'broken',
        () => {
          engine.onLoad = async (report) => {
            report({ type: 'weights-progress', doneBytes: 1, totalBytes: 1, fetchedBytes: 1 });
            throw broken;
          };
          return {};
        },
      ],
      [
        'the network refuses',
        'broken',
        () => {
          network.refuse = broken;
          return {};
        },
      ],
    ];
    it.each(cases)('when %s', async (_name, code, prepare) => {
      const { contributor, start } = setup(prepare());
      expect(await codeOf(start())).toBe(code);
      expect(contributor.snapshot()).toMatchObject({ state: 'error', error: { code }, loading: null });
      expect(engine.calls.at(-1)).toBe('unload');
      engine.onLoad = async () => {};
      network.refuse = null;
      const again = setup();
      await again.start();
      await contributor.stop();
      expect(contributor.snapshot()).toMatchObject({ state: 'idle', error: null });
    });
  });

  it('refuses a manifest that is not the one the catalogue names', async () => {
    const { contributor } = setup();
    const other = { ...entry, manifest: '0'.repeat(64) };
    expect(await codeOf(contributor.start({ entry: other, engine: 'wasm' }))).toBe('manifest_mismatch');
    expect(engine.calls).toEqual(['unload']);
  });

  it.each(['serving', 'paused'] as const)('leaves the network when the engine is lost while %s', async (state) => {
    const { contributor, start } = setup();
    await start();
    if (state === 'paused') await contributor.pause();
    engine.crash();
    expect(contributor.snapshot()).toMatchObject({ state: 'error', error: { code: 'engine_failed' } });
    await start();
    expect(network.calls).toEqual([...SERVED, ...(state === 'paused' ? ['pause'] : []), 'leave', ...SERVED]);
    expect(contributor.snapshot().state).toBe('serving');
  });

  it('ends an engine that does not free itself in time', async () => {
    engine.onUnload = () => new Promise(() => {});
    const { contributor, start } = setup();
    await start();
    const stopped = contributor.stop();
    await settle();
    await clock.advance(UNLOAD_TIMEOUT_MS);
    await stopped;
    expect(engine.calls.at(-1)).toBe('terminate');
  });

  it('ends an engine that fails to free itself', async () => {
    engine.onUnload = () => Promise.reject(new Error('gone'));
    const { contributor, start } = setup();
    await start();
    await contributor.stop();
    expect(engine.calls.at(-1)).toBe('terminate');
    expect(contributor.snapshot().state).toBe('idle');
  });
});

const MIB = 2 ** 20;
/** Room for a third of the model's weights beside cache and engine. */
const third = { kvBudgetBytes: 16 * MIB, memoryBytes: (16 + 64) * MIB + 54 * MIB };

/** Another peer that holds these layers. */
function announce(name: string, first: number, last: number, decodeTokensPerSecond = 100): void {
  const model: ServedModel = {
    id: entry.id,
    manifest: entry.manifest,
    layers: [first, last],
    engine: 'wasm',
    contextLength: 8192,
    slots: 8,
    freeSlots: 8,
    queued: 0,
    decodeTokensPerSecond,
    prefillTokensPerSecond: 200,
  };
  const advert = { v: 1, sequence: clock.now(), run: 0, state: 'serving', kind: 'node', models: [model] } as const;
  network.registry.offer(name as PeerName, { ...advert, models: [model] });
}

/** Lets the time pass in which it only listens; the manifest's hash before takes real time. */
async function hear(): Promise<void> {
  await vi.waitUntil(() => clock.sleeping > 0);
  await clock.advance(SWARM_HEARING_MS);
}

async function started(options: Partial<StartContributing>) {
  const { contributor } = setup();
  const starting = contributor.start({ entry, engine: 'wasm', ...options });
  starting.catch(() => {}); // awaited below
  await settle();
  return { contributor, starting };
}

describe('a contributor that holds a part', () => {
  it('takes the layers it is told to, at once', async () => {
    const { contributor, starting } = await started({ layers: { start: 10, end: 20 } });
    await starting;
    expect(network.served().layers).toEqual([10, 20]);
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', layers: { start: 10, end: 20 } });
  });

  it('refuses layers that the model does not have', async () => {
    const { starting } = await started({ layers: { start: 20, end: 31 } });
    expect(await codeOf(starting)).toBe('layers_out_of_range');
  });

  it('hears the others before it chooses, and tells them what it loads', async () => {
    const loading = Promise.withResolvers<void>();
    engine.onLoad = () => loading.promise;
    const { starting } = await started(third);
    announce('a', 0, 10);
    announce('b', 20, 30);
    await hear();
    expect(engine.layersLoaded).toEqual([{ start: 10, end: 20 }]);
    expect(network.serving?.loading).toBe(true);
    expect(network.served()).toMatchObject({ layers: [10, 20], slots: 0, decodeTokensPerSecond: 0 });
    loading.resolve();
    await starting;
    expect(network.calls).toContain('ready');
    expect(network.served()).toMatchObject({ layers: [10, 20], slots: 8 });
  });

  it('shares the model out with those who choose at the same time, by the room each has', async () => {
    const { starting } = await started(third);
    await vi.waitUntil(() => network.serving !== null);
    const { fits } = network.served();
    expect(network.served()).toMatchObject({ layers: [0, 0] });
    for (const name of ['a', 'zz']) {
      const model: ServedModel = { ...network.served(), layers: [0, 0], fits: fits! };
      const advert = { v: 1, sequence: 1, run: 0, state: 'loading', kind: 'tab', models: [model] } as const;
      network.registry.offer(name as PeerName, { ...advert, models: [model] });
    }
    await hear();
    await starting;
    // `a`, this peer, `zz`: equal shares in the order of their names.
    expect(engine.layersLoaded).toEqual([{ start: 10, end: 20 }]);
    expect(network.served().fits).toBeUndefined();
  });

  it('takes the whole model where that fits, without waiting', async () => {
    const { starting } = await started({ memoryBytes: 2 ** 30 });
    await starting;
    expect(engine.layersLoaded).toEqual([{ start: 0, end: 30 }]);
  });

  it('says what one layer needs where not even that fits', async () => {
    const { starting } = await started({ memoryBytes: 81 * MIB, kvBudgetBytes: 16 * MIB });
    await hear();
    expect(await codeOf(starting)).toBe('memory_too_small');
    await expect(starting).rejects.toThrow(/^85 MB are lent, but one layer of this model needs 8\d MB\./);
  });

  it('moves where that helps the swarm, and leaves its place in order', async () => {
    const { contributor, starting } = await started(third);
    announce('zz', 0, 10);
    announce('b', 10, 20);
    announce('c', 20, 30);
    await hear();
    await starting;
    const [first] = engine.layersLoaded;
    expect(first).toEqual({ start: 0, end: 10 });
    // The last who held the end of the model goes: this peer's layers are held by another too.
    network.registry.forget('c' as PeerName);
    for (let waited = 0; waited < RECONSIDER_INTERVAL_MS * 1.3; waited += 5_000) {
      announce('zz', 0, 10, 120);
      announce('b', 10, 20);
      await clock.advance(5_000);
    }
    expect(engine.layersLoaded).toEqual([first, { start: 20, end: 30 }]);
    expect(network.calls.filter((call) => call === 'leave')).toHaveLength(1);
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', layers: { start: 20, end: 30 } });
    await contributor.stop();
  });

  it('stays where others would miss it', async () => {
    const { contributor, starting } = await started(third);
    announce('b', 10, 20);
    await hear();
    await starting;
    for (let waited = 0; waited < RECONSIDER_INTERVAL_MS * 1.3; waited += 5_000) {
      announce('b', 10, 20);
      await clock.advance(5_000);
    }
    expect(engine.layersLoaded).toHaveLength(1);
    await contributor.stop();
  });
});
