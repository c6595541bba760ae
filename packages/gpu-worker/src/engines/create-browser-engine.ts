import { UnsupportedModelError } from './errors.ts';
import { createEngine, type CreateEngine } from './create-engine.ts';

/** Makes engines of every kind, also those that only a browser can run. */
export const createBrowserEngine: CreateEngine = async (kind, components, init) => {
  if (kind !== 'webllm') return createEngine(kind, components, init);
  const { weights, ...rest } = init;
  if (weights?.kind !== 'package') {
    throw new UnsupportedModelError('WebLLM needs the model as a package, and the catalogue names none.');
  }
  const { reader } = components;
  const [{ createWebLlmEngine }, { importWebLlm }, { isPackageReader }, { fetchPrepared, onlyTheEnd }] =
    await Promise.all([
      import('./webllm/engine.ts'),
      import('./webllm/library.ts'),
      import('./webllm/open-package.ts'),
      import('./webllm/fetch-prepared.ts'),
    ]);
  const fetch = globalThis.fetch.bind(globalThis);
  const host = { library: importWebLlm, gpu: navigator.gpu as GPU | undefined };
  const wanted = { ...rest, manifest: reader.manifest, package: weights.package };
  if (!isPackageReader(reader)) return createWebLlmEngine({ ...host, fetch }, wanted);
  const { signal, onProgress = () => {} } = rest;
  await reader.prepareDescription({ signal, onProgress });
  return createWebLlmEngine(
    { ...host, fetch: fetchPrepared(caches, fetch) },
    {
      ...wanted,
      onProgress: onlyTheEnd(onProgress),
      fetchWeights: () => reader.prepare({ signal, onProgress }),
    },
  );
};
