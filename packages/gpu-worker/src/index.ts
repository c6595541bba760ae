import { createEngineClientFor } from './worker/engine-client.ts';
import type { EngineClient, EngineClientInit } from './worker/engine-client.ts';

export * from './api.ts';
export { locatePackage } from './engines/webllm/locate-package.ts';
export { listPrebuiltModels } from './engines/webllm/prebuilt-models.ts';
export type { PrebuiltModel } from './engines/webllm/prebuilt-models.ts';
export type { Engine, EngineInfo, EngineUsage } from './engines/engine.ts';
export { UnsupportedDeviceError, checkEngine } from './probe/check-engine.ts';
export { probeBrowser } from './probe/probe-browser.ts';
export { defaultThreads, mostThreads } from './probe/default-threads.ts';
export { CHOOSABLE_ENGINES, candidateEngines, chooseEngine } from './engines/choose-engine.ts';
export type { EngineChoice } from './engines/choose-engine.ts';
export type { MeasureRequest } from './probe/measure-device.ts';
export type * from './probe/types.ts';
export { createTextClient } from './text/browser.ts';
export type { TextModel } from './text/api.ts';
export type { TextClient } from './text/text-client.ts';
export type { EngineClient } from './worker/engine-client.ts';

/**
 * The engine in a worker of this page. The worker starts with the first call.
 *
 * @example
 * const engine = createEngineClient();
 * await engine.load({ manifest, weights: { kind: 'http', baseUrl }, engine: 'wasm', layers });
 * for await (const event of engine.generator.generate(request, { signal })) console.log(event);
 */
export const createEngineClient = (init: EngineClientInit = {}): EngineClient =>
  createEngineClientFor(() => {
    const worker = new Worker(new URL('./worker.browser.ts', import.meta.url), {
      type: 'module',
      name: 'opengateway-engine',
    });
    return {
      endpoint: worker,
      onFailure(listener) {
        worker.addEventListener('error', (event) => listener(event.error ?? new Error(event.message || 'no reason')));
        worker.addEventListener('messageerror', () => listener(new Error('a message could not be read')));
      },
      terminate: () => worker.terminate(),
    };
  }, init);
