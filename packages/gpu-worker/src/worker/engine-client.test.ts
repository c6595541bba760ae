import { DEFAULT_SAMPLING, OpenGatewayError, errorCode, systemClock, toWire } from '@opengateway/core';
import { expose } from 'comlink';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeEngine, createGreedySampler } from '../testing/index.ts';
import { createEngineClientFor } from './engine-client.ts';
import { createEngineWorker } from './engine-worker.ts';
import type { GenerateEvent, GenerateRequest, ModelManifest } from '@opengateway/core';
import type { LoadProgress, LoadRequest } from '../api.ts';
import type { FakeEngineInit } from '../testing/index.ts';
import type { EngineWorkerComponents } from './engine-worker.ts';

const request = (over: Partial<GenerateRequest> = {}): GenerateRequest => ({
  tokens: [1, 2, 3],
  promptTokenCount: 3,
  maxTokens: 100,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, seed: 1 },
  ...over,
});

const loadRequest: LoadRequest = {
  manifest: { architecture: { layerCount: 1 } } as ModelManifest,
  weights: { kind: 'directory', path: 'nowhere' },
  engine: 'reference',
  layers: { start: 0, end: 1 },
};

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A client and its worker joined by a message channel, both in this thread. */
function setup(components: Partial<EngineWorkerComponents> = {}, engineInit: FakeEngineInit = {}) {
  const engines: FakeEngine[] = [];
  const crashes: ((error: unknown) => void)[] = [];
  const forgotten: string[] = [];
  let spawned = 0;
  const client = createEngineClientFor(() => {
    spawned++;
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const worker = createEngineWorker({
      weights: {
        open: async () => ({
          reader: { manifest: loadRequest.manifest, read: () => Promise.reject(new Error('unused')) },
          fetchedBytes: () => 7,
          close: async () => {},
        }),
        storedBytes: async () => 1234,
        forget: async () => void forgotten.push('all'),
      },
      createEngine: async (_kind, _components, init) => {
        init.onProgress?.(10, 10);
        const engine = new FakeEngine(engineInit);
        engines.push(engine);
        return engine;
      },
      createSampler: createGreedySampler,
      clock: systemClock,
      onEngineFailure: (error) => crashes.at(-1)?.(error),
      ...components,
    });
    expose(worker, port2);
    return {
      endpoint: port1,
      onFailure: (listener) => void crashes.push(listener),
      terminate: () => port1.close(),
    };
  });
  const open = (over: Partial<GenerateRequest> = {}, signal = new AbortController().signal) => {
    const events = client.generator.generate(request(over), { signal });
    return events[Symbol.asyncIterator]();
  };
  const collect = async (over: Partial<GenerateRequest> = {}) => {
    const events: GenerateEvent[] = [];
    for await (const event of client.generator.generate(request(over), { signal: new AbortController().signal }))
      events.push(event);
    return events;
  };
  return { client, engines, crashes, forgotten, open, collect, spawned: () => spawned };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => errorCode(error),
  );

describe('engine client and worker', () => {
  it('loads with progress and a self-test, and generates', async () => {
    const { client, engines, collect } = setup();
    const progress: LoadProgress[] = [];
    const loaded = await client.load(loadRequest, { onProgress: (one) => progress.push(one) });
    expect(loaded.info).toEqual(engines[0]!.info);
    expect(loaded.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(loaded.prefillTokensPerSecond).toBeGreaterThan(0);
    expect(progress[0]).toEqual({ type: 'weights-progress', doneBytes: 10, totalBytes: 10, fetchedBytes: 7 });
    expect(progress[1]).toMatchObject({ type: 'self-test' });
    const events = await collect({ maxTokens: 100 });
    expect(events.filter(({ type }) => type === 'token')).toHaveLength(100);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length' });
    expect(await client.stats()).toMatchObject({ active: 0, tokensTotal: 100, storedBytes: 1234 });
  });

  it('stops a generation whose consumer does not pull, and goes on when it does', async () => {
    const { client, open, engines } = setup();
    await client.load(loadRequest);
    const iterator = open({ maxTokens: 200 });
    await iterator.next();
    // As many round trips to the worker as would do for all 200 tokens.
    for (let count = 0; count < 300; count++) await client.stats();
    expect((await client.stats()).tokensTotal).toBeLessThan(40);
    expect((await client.stats()).active).toBe(1);
    let tokens = 0;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      if (next.value.type === 'token') tokens++;
    }
    expect(tokens).toBe(200);
    expect(engines[0]!.usage().sequences).toBe(0);
  });

  it('frees the sequence when the consumer leaves', async () => {
    const { client, engines } = setup();
    await client.load(loadRequest);
    for await (const event of client.generator.generate(request(), { signal: new AbortController().signal })) {
      if (event.type === 'token') break;
    }
    await client.stats();
    await client.stats();
    expect(engines[0]!.usage().sequences).toBe(0);
  });

  it('rejects with the reason and frees the sequence on abort, also while nobody pulls', async () => {
    const { client, open, engines } = setup();
    await client.load(loadRequest);
    const controller = new AbortController();
    const iterator = open({ maxTokens: 500 }, controller.signal);
    await iterator.next();
    controller.abort(new OpenGatewayError('client_gone', 'gone'));
    await client.stats();
    await client.stats();
    expect(engines[0]!.usage().sequences).toBe(0);
    expect(await codeOf(iterator.next())).toBe('client_gone');
  });

  it('keeps the code of errors over the boundary', async () => {
    const { client, collect } = setup({
      weights: {
        open: () => Promise.reject(new OpenGatewayError('chunk_hash_mismatch', 'a.gguf, chunk 3', { retryable: true })),
        storedBytes: async () => 0,
        forget: async () => {},
      },
    });
    await expect(client.load(loadRequest)).rejects.toMatchObject({
      code: 'chunk_hash_mismatch',
      message: 'a.gguf, chunk 3',
      retryable: true,
    });
    expect(await codeOf(collect())).toBe('engine_failed');
    expect(await codeOf(client.load({ ...loadRequest, layers: { start: 0, end: 9 } }))).toBe('unsupported_model');
  });

  it('fails a generation the scheduler refuses with its code', async () => {
    const { client, collect } = setup();
    await client.load(loadRequest);
    expect(await codeOf(collect({ maxTokens: 5_000 }))).toBe('context_length_exceeded');
  });

  it('gives up a load when told to, and can load again', async () => {
    const opened = Promise.withResolvers<void>();
    let attempts = 0;
    const { client } = setup({
      createEngine: async (_kind, _components, { signal }) => {
        if (++attempts > 1) return new FakeEngine();
        opened.resolve();
        return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const controller = new AbortController();
    const loading = codeOf(client.load(loadRequest, { signal: controller.signal }));
    await opened.promise;
    controller.abort();
    expect(await loading).toBe('load_aborted');
    expect((await client.load(loadRequest)).info.kind).toBe('reference');
  });

  it.each([
    ['not finite', () => Number.NaN],
    ['all alike', () => 0.5],
  ])('refuses an engine whose logits are %s', async (_name, value) => {
    const { client } = setup({
      createEngine: async () => {
        const engine = new FakeEngine();
        engine.logitsAfter = () => new Float32Array(64).fill(value());
        return engine;
      },
    });
    expect(await codeOf(client.load(loadRequest))).toBe('self_test_failed');
  });

  it('ends running generations on unload', async () => {
    const { client, open, engines } = setup();
    await client.load(loadRequest);
    const iterator = open();
    await iterator.next();
    await client.unload();
    const drained = (async () => {
      while (!(await iterator.next()).done);
    })();
    expect(await codeOf(drained)).toBe('engine_failed');
    expect(engines[0]!.disposed).toBe(true);
  });

  it('rejects everything under way when the worker is lost, tells of it, and starts another', async () => {
    const { client, open, crashes, spawned } = setup({
      createEngine: async () => new FakeEngine({ onForward: (steps) => (steps.length > 1 ? gate.promise : undefined) }),
    });
    const gate = Promise.withResolvers<void>();
    await client.load(loadRequest);
    const told: unknown[] = [];
    client.onCrash((error) => told.push(errorCode(error)));
    const iterator = open();
    await iterator.next();
    const stats = codeOf(client.stats());
    crashes[0]!(new Error('out of memory'));
    expect(await stats).toBe('engine_failed');
    expect(await codeOf(iterator.next())).toBe('engine_failed');
    expect(told).toEqual(['engine_failed']);
    await client.load(loadRequest);
    expect(spawned()).toBe(2);
  });

  it('treats an engine that breaks in the middle of its work as a lost worker', async () => {
    let broken = false;
    const { client, collect } = setup(
      {},
      {
        onForward: () => {
          if (broken) throw new Error('unreachable');
        },
      },
    );
    await client.load(loadRequest);
    const crashed = new Promise((resolve) => client.onCrash(resolve));
    broken = true;
    expect(await codeOf(collect())).toBe('engine_failed');
    expect(errorCode(await crashed)).toBe('engine_failed');
  });

  it('treats an engine that breaks while nothing is asked of it as a lost worker', async () => {
    let fail: ((error: unknown) => void) | undefined;
    const { client } = setup({
      createEngine: async (_kind, _components, { onFailure }) => {
        fail = onFailure;
        return new FakeEngine();
      },
    });
    await client.load(loadRequest);
    const crashed = new Promise((resolve) => client.onCrash(resolve));
    fail!(new OpenGatewayError('device_lost', 'The GPU was lost: the driver was reset.'));
    expect(await crashed).toMatchObject({ code: 'engine_failed', message: expect.stringContaining('GPU was lost') });
  });

  it.each([
    [new OpenGatewayError('device_lost', 'The GPU was lost.'), 'device_lost'],
    [new OpenGatewayError('internal_error', 'Something broke.'), 'engine_failed'],
  ])('hears from a worker why it ends, with its code: %s', async (failure, code) => {
    const { port1, port2 } = new MessageChannel();
    let terminated = 0;
    const client = createEngineClientFor(() => ({
      endpoint: port1,
      onFailure: () => {},
      terminate: () => {
        terminated++;
        port1.close();
      },
    }));
    const crashed = new Promise((resolve) => client.onCrash(resolve));
    const asked = codeOf(client.stats());
    // Ending itself is the worker's own part; here it is only said.
    port2.postMessage({ type: 'engine-failure', error: toWire(failure) });
    expect(await crashed).toMatchObject({ code, message: expect.stringContaining(failure.message) });
    expect([await asked, terminated]).toEqual([code, 1]);
  });

  it('forgets stored weights and unloads first', async () => {
    const { client, engines, forgotten } = setup();
    await client.load(loadRequest);
    await client.forgetWeights();
    expect(engines[0]!.disposed).toBe(true);
    expect(forgotten).toEqual(['all']);
  });

  it('does not start a worker to unload or to end it', async () => {
    const { client, spawned } = setup();
    await client.unload();
    await client.terminate();
    expect(spawned()).toBe(0);
  });
});
