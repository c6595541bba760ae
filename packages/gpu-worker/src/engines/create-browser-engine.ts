import { UnsupportedModelError } from './errors.ts';
import { createEngine, type CreateEngine } from './create-engine.ts';

/** Makes engines of every kind, also those that only a browser can run. */
export const createBrowserEngine: CreateEngine = async (kind, components, init) => {
  if (kind !== 'webllm') return createEngine(kind, components, init);
  const { weights, ...rest } = init;
  if (weights?.kind !== 'package') {
    throw new UnsupportedModelError('WebLLM needs the model as a package, and the catalogue names none.');
  }
  const [{ createWebLlmEngine }, { importWebLlm }] = await Promise.all([
    import('./webllm/engine.ts'),
    import('./webllm/library.ts'),
  ]);
  return createWebLlmEngine(
    { library: importWebLlm, gpu: navigator.gpu as GPU | undefined, fetch: globalThis.fetch.bind(globalThis) },
    { ...rest, manifest: components.reader.manifest, package: weights.package },
  );
};
