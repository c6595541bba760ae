import { OpenGatewayError } from '@opengateway/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeEngine, StandInGpu, StandInWebLlm, fetchFrom, standInPackageFiles } from '../../testing/index.ts';
import { wholeModelContract } from '../contract/whole-model.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { createWebLlmEngine } from './engine.ts';
import type { ModelManifest, ModelPackage } from '@opengateway/core';
import type { FakeEngineInit, StandInPackageInit, StandInWebLlmInit } from '../../testing/index.ts';
import type { WebLlmEngineInit } from './engine.ts';

const FOLDER = 'https://models.test/tiny/resolve/main/';
const PACKAGE: ModelPackage = {
  engine: 'webllm',
  modelUrl: 'https://models.test/tiny',
  modelLibUrl: 'https://models.test/tiny.wasm',
};

wholeModelContract({
  name: 'webllm (a stand-in for the library)',
  create({ reader, layers, ...init }) {
    const { manifest } = reader;
    const gpu = new StandInGpu();
    const whole = { start: 0, end: manifest.architecture.layerCount };
    const library = new StandInWebLlm({
      gpu: gpu.asGpu(),
      paddedRows: 7,
      createModel: () => createReferenceEngine({ reader }, { layers: whole }),
    });
    const files = standInPackageFiles({ architecture: manifest.architecture, paddedRows: 7 });
    return createWebLlmEngine(
      { library: async () => library, gpu: gpu.asGpu(), fetch: fetchFrom(FOLDER, files) },
      { manifest, layers, package: PACKAGE, ...init },
    );
  },
  closeness: { meanKl: 0, topAgreement: 1 },
});

interface Setup {
  readonly engine?: FakeEngineInit;
  readonly library?: Partial<StandInWebLlmInit>;
  readonly files?: Partial<StandInPackageInit>;
  readonly features?: readonly string[];
}

function setup({ engine, library: libraryInit, files, features }: Setup = {}) {
  const gpu = new StandInGpu(features ? { features } : {});
  const models: FakeEngine[] = [];
  const library = new StandInWebLlm({
    gpu: gpu.asGpu(),
    createModel: async () => {
      const model = new FakeEngine(engine);
      models.push(model);
      return model;
    },
    ...libraryInit,
  });
  const { architecture } = new FakeEngine(engine).info;
  const create = (init: Partial<WebLlmEngineInit> = {}) =>
    createWebLlmEngine(
      {
        library: async () => library,
        gpu: gpu.asGpu(),
        fetch: fetchFrom(FOLDER, standInPackageFiles({ architecture, ...files })),
      },
      { manifest: { architecture } as ModelManifest, layers: { start: 0, end: 1 }, package: PACKAGE, ...init },
    );
  return { create, gpu, library, models };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  );

describe('webllm engine', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('gives the library absolute addresses, one window and no say in sampling', async () => {
    const { create, library } = setup({ files: { quantization: 'q4f16_1' } });
    const { info } = await create({ package: { ...PACKAGE, overrides: { context_window_size: 256 } } });
    const [{ config, settings }] = library.engines as [StandInWebLlm['engines'][number]];
    expect(config.appConfig.model_list).toEqual([
      expect.objectContaining({
        model: 'https://models.test/tiny',
        model_lib: 'https://models.test/tiny.wasm',
        required_features: ['shader-f16'],
      }),
    ]);
    expect(settings).toMatchObject({ context_window_size: 256, sliding_window_size: -1, repetition_penalty: 1 });
    expect(info.kvBudgetBytes / info.kvBytesPerToken).toBe(256);
    expect(info.variant).toBe('q4f16_1');
    expect(info.weightBytes).toBe(1000);
  });

  it('takes the window from the cache budget where that is less', async () => {
    const { create } = setup();
    const { kvBytesPerToken } = (await create()).info;
    const { info } = await create({ kvBudgetBytes: 100 * kvBytesPerToken + 3 });
    expect(info.kvBudgetBytes / kvBytesPerToken).toBe(96);
    expect(await codeOf(create({ kvBudgetBytes: 15 * kvBytesPerToken }))).toBe('insufficient_memory');
  });

  it("loads a model of the library's own list, and refuses what is not in it", async () => {
    const record = {
      model: 'https://models.test/tiny',
      model_id: 'Tiny-q4f32_1-MLC',
      model_lib: 'https://models.test/tiny.wasm',
      overrides: { context_window_size: 64 },
    };
    const embedding = { ...record, model_id: 'Tiny-embedding', model_type: 1 };
    const { create } = setup({ library: { prebuilt: [record, embedding] } });
    const { info } = await create({ package: { engine: 'webllm', prebuilt: 'Tiny-q4f32_1-MLC' } });
    expect(info.kvBudgetBytes / info.kvBytesPerToken).toBe(64);
    for (const prebuilt of ['Tiny-embedding', 'Other-MLC']) {
      expect(await codeOf(create({ package: { engine: 'webllm', prebuilt } }))).toBe('unsupported_model');
    }
  });

  it('feeds each position once, and again only after a cut', async () => {
    const { create, library } = setup();
    const engine = await create();
    const sequence = engine.open({ maxTokens: 32 });
    await engine.forward([{ sequence, input: Int32Array.of(1, 2, 3), output: 'none' }]);
    await engine.forward([{ sequence, input: Int32Array.of(4), output: 'last-logits' }]);
    engine.truncate(sequence, 4);
    engine.truncate(sequence, 2);
    await engine.forward([{ sequence, input: Int32Array.of(9), output: 'last-logits' }]);
    expect(library.engines[0]!.calls).toEqual(['reset', [1, 2, 3], [4], 'reset', [1, 2], [9]]);
  });

  it('keeps the last byte of the progress back until the library is ready', async () => {
    const loaded: number[] = [];
    const { create } = setup({ library: { shards: 4 } });
    await create({ onProgress: (done) => loaded.push(done) });
    expect(loaded).toEqual([250, 500, 750, 999, 1000]);
  });

  it('imports the library only when there is something to load with it', async () => {
    const library = vi.fn(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module')));
    const { architecture } = new FakeEngine().info;
    const init = { manifest: { architecture } as ModelManifest, layers: { start: 0, end: 1 }, package: PACKAGE };
    const components = { library, fetch: fetchFrom(FOLDER, {}) };
    expect(await codeOf(createWebLlmEngine({ ...components, gpu: undefined }, init))).toBe('gpu_unavailable');
    expect(library).not.toHaveBeenCalled();
    const gpu = new StandInGpu().asGpu();
    expect(await codeOf(createWebLlmEngine({ ...components, gpu }, init))).toBe('package_unavailable');
    expect(library).toHaveBeenCalledOnce();
  });

  it('says so where a half-precision package meets a GPU without it, and fetches nothing', async () => {
    const { create, library } = setup({ files: { quantization: 'q0f16' }, features: [] });
    expect(await codeOf(create())).toBe('gpu_feature_missing');
    expect(library.engines).toHaveLength(0);
  });

  it('frees what is half loaded when the load is given up', async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const { create, library, gpu } = setup({
      library: {
        onShard: () => {
          started.resolve();
          return gate.promise;
        },
      },
    });
    const controller = new AbortController();
    const reason = new OpenGatewayError('load_aborted', 'Another model is wanted.');
    const loading = create({ signal: controller.signal });
    await started.promise;
    controller.abort(reason);
    gate.resolve();
    await expect(loading).rejects.toBe(reason);
    expect(library.engines[0]!.loaded).toBe(false);
    expect((await gpu.devices[0]!.lost).reason).toBe('destroyed');
  });

  it('does not take a load for done that the library gave up by itself', async () => {
    const aborted = new DOMException('The user aborted a request.', 'AbortError');
    const { create } = setup({ library: { onShard: () => Promise.reject(aborted) } });
    expect(await codeOf(create())).toBe('engine_failed');
  });

  it('looks at the GPU only while it loads', async () => {
    const { create, gpu } = setup();
    await create();
    expect(Object.hasOwn(gpu, 'requestAdapter')).toBe(false);
    const failing = setup({ library: { onShard: () => Promise.reject(new TypeError('Failed to fetch')) } });
    expect(await codeOf(failing.create())).toBe('package_unavailable');
    expect(Object.hasOwn(failing.gpu, 'requestAdapter')).toBe(false);
  });

  it('tells memory that the GPU refused from other failures of a load', async () => {
    class GPUOutOfMemoryError {
      readonly message = 'allocating 3 GiB';
    }
    vi.stubGlobal('GPUOutOfMemoryError', GPUOutOfMemoryError);
    const { create, gpu, library } = setup({
      library: { onShard: () => gpu.devices[0]!.complain(new GPUOutOfMemoryError() as unknown as GPUError) },
    });
    expect(await codeOf(create())).toBe('insufficient_memory');
    expect(library.engines[0]!.loaded).toBe(false);
  });

  it('fails what it computes when the GPU is lost, and tells of it once', async () => {
    const computing = Promise.withResolvers<void>();
    const told: OpenGatewayError[] = [];
    const { create, gpu } = setup({
      library: {
        onForward: () => {
          computing.resolve();
          return new Promise(() => {});
        },
      },
    });
    const engine = await create({ onFailure: (error) => told.push(error) });
    const sequence = engine.open({ maxTokens: 32 });
    const step = codeOf(engine.forward([{ sequence, input: Int32Array.of(1), output: 'last-logits' }]));
    await computing.promise;
    gpu.devices[0]!.lose('unknown', 'the driver was reset');
    expect(await step).toBe('device_lost');
    expect(told.map(({ code }) => code)).toEqual(['device_lost']);
    expect(await codeOf(engine.forward([{ sequence, input: Int32Array.of(1), output: 'none' }]))).toBe('device_lost');
  });

  it('tells of a GPU lost while nothing is computed', async () => {
    const lost = Promise.withResolvers<OpenGatewayError>();
    const { create, gpu } = setup();
    await create({ onFailure: lost.resolve });
    gpu.devices[0]!.lose('unknown', 'the driver was reset');
    expect((await lost.promise).code).toBe('device_lost');
  });

  it('frees the GPU when disposed, after what it computes, and calls that no failure', async () => {
    const gate = Promise.withResolvers<void>();
    const told: OpenGatewayError[] = [];
    const { create, gpu, library } = setup({ library: { onForward: () => gate.promise } });
    const engine = await create({ onFailure: (error) => told.push(error) });
    const sequence = engine.open({ maxTokens: 32 });
    const step = engine.forward([{ sequence, input: Int32Array.of(1), output: 'last-logits' }]);
    const disposed = engine.dispose();
    expect(library.engines[0]!.loaded).toBe(true);
    gate.resolve();
    await step;
    await disposed;
    expect(library.engines[0]!.loaded).toBe(false);
    expect((await gpu.devices[0]!.lost).reason).toBe('destroyed');
    expect(told).toEqual([]);
  });

  it('computes on after a failure as if it had not happened', async () => {
    let broken = false;
    const { create } = setup({
      library: {
        onForward: () => {
          if (broken) throw new Error('Internal Error: filledKVCacheLength does not match expected value.');
        },
      },
    });
    const engine = await create();
    const sequence = engine.open({ maxTokens: 32 });
    const forward = (...input: number[]) =>
      engine.forward([{ sequence, input: Int32Array.from(input), output: 'last-logits' }]);
    await forward(1, 2);
    broken = true;
    expect(await codeOf(forward(3))).toBe('engine_failed');
    expect(engine.length(sequence)).toBe(2);
    broken = false;
    const [output] = await forward(3);
    expect(output!.values).toEqual(new FakeEngine().logitsAfter([1, 2, 3]));
  });

  it('does not take a package of fewer rows for one of this model', async () => {
    const { create } = setup({ files: { paddedRows: -1 } });
    expect(await codeOf(create())).toBe('invalid_package');
  });
});
