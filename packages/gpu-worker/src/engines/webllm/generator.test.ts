import { FakeEngine, StandInGpu, StandInWebLlm, fetchFrom, standInPackageFiles } from '../../testing/index.ts';
import { generatorContract } from '../../worker/generator.contract.ts';
import { createWebLlmEngine } from './engine.ts';
import type { ModelManifest } from '@opengateway/core';

const FOLDER = 'https://models.test/tiny/resolve/main/';

generatorContract({
  name: 'webllm (a stand-in for the library)',
  async create(_kind, _components, { signal, onProgress, onFailure }) {
    let broken = false;
    const gpu = new StandInGpu().asGpu();
    const model = new FakeEngine();
    const { architecture } = model.info;
    const library = new StandInWebLlm({
      gpu,
      paddedRows: 3,
      createModel: async () => model,
      onForward: () => {
        if (broken) throw new Error('Internal Error: filledKVCacheLength does not match expected value.');
      },
    });
    const engine = await createWebLlmEngine(
      {
        library: async () => library,
        gpu,
        fetch: fetchFrom(FOLDER, standInPackageFiles({ architecture, paddedRows: 3 })),
      },
      {
        manifest: { architecture } as ModelManifest,
        layers: { start: 0, end: 1 },
        package: {
          engine: 'webllm',
          modelUrl: 'https://models.test/tiny',
          modelLibUrl: 'https://models.test/tiny.wasm',
        },
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
        ...(onFailure ? { onFailure } : {}),
      },
    );
    return {
      engine,
      logitsAfter: (tokens) => model.logitsAfter(tokens),
      breakSteps: (value) => {
        broken = value;
      },
    };
  },
});
