import { parseManifest, type ModelManifest } from '@opengateway/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEngineClient, type EngineClient } from '../../index.ts';

/** The discard port: nothing on this machine answers there. */
const NOWHERE = 'http://127.0.0.1:9/';
const here = (path: string) => new URL(path, location.href).href;
const FIXTURE = here('/packages/gpu-worker/src/engines/webllm/package.fixture/');

let manifest: ModelManifest;
beforeAll(async () => {
  manifest = parseManifest(await (await fetch('/models/smollm2-135m-instruct/manifest.json')).json());
});

let client: EngineClient | undefined;
afterEach(async () => {
  await client?.forgetWeights();
  await client?.terminate();
  client = undefined;
});

/** Why the real library, in the real worker, does not load a package. */
async function load(modelUrl: string, modelLibUrl: string): Promise<unknown> {
  client ??= createEngineClient();
  const loading = client.load({
    manifest,
    weights: { kind: 'package', package: { engine: 'webllm', modelUrl, modelLibUrl } },
    engine: 'webllm',
    layers: { start: 0, end: manifest.architecture.layerCount },
  });
  return loading.then(
    () => 'loaded',
    (error: unknown) => error,
  );
}

describe('webllm in a browser', () => {
  it('says that a package cannot be reached, and can be asked again', async () => {
    const unreachable = { code: 'package_unavailable', retryable: true };
    expect(await load(`${NOWHERE}model/`, `${NOWHERE}model.wasm`)).toMatchObject(unreachable);
    expect(await load(here('/nowhere/'), `${NOWHERE}model.wasm`)).toMatchObject({ code: 'package_unavailable' });
  });

  it("tells the library's own failure to fetch its kernels", async () => {
    expect(await load(FIXTURE, `${NOWHERE}model.wasm`)).toMatchObject({
      code: 'package_unavailable',
      message: expect.stringContaining('could not be fetched'),
    });
  });

  it("tells the library's own failure with kernels that are none, and forgets what it stored", async () => {
    const noWasm = here('/test/fixtures/golden.json');
    expect(await load(FIXTURE, noWasm)).toMatchObject({ code: 'invalid_package', retryable: false });
    expect((await client!.stats()).storedBytes).toBeGreaterThan(0);
    await client!.forgetWeights();
    expect((await client!.stats()).storedBytes).toBe(0);
  });

  it('says that the GPU lacks half precision, which SwiftShader does', async () => {
    const adapter = await navigator.gpu.requestAdapter();
    expect(adapter?.features.has('shader-f16')).toBe(false);
    expect(await load(`${FIXTURE}resolve/half/`, `${NOWHERE}model.wasm`)).toMatchObject({
      code: 'gpu_feature_missing',
      message: expect.stringContaining('half precision'),
    });
  });
});
