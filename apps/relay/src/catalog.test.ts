import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogEntrySchema } from '@opengateway/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCatalog } from './catalog.ts';

const EMBEDDED = new URL('../../../models/', import.meta.url).pathname;
const MODEL = 'smollm2-135m-instruct';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opengateway-models-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('loadCatalog', () => {
  it('finds the embedded model', async () => {
    const [model] = await loadCatalog(EMBEDDED);
    expect(catalogEntrySchema.parse(model?.entry)).toMatchObject({
      id: MODEL,
      manifestUrl: `/models/${MODEL}/manifest.json`,
      bytes: 98_362_432,
      layerCount: 30,
      contextLength: 8192,
      license: 'Apache-2.0',
    });
  });

  it('is empty where there are no folders, and names MODELS_DIR where there is nothing at all', async () => {
    await writeFile(join(folder, 'README.md'), '');
    expect(await loadCatalog(folder)).toEqual([]);
    await expect(loadCatalog(join(folder, 'nowhere'))).rejects.toThrow(/^MODELS_DIR .*nowhere cannot be read: ENOENT/);
  });

  it('names a folder without a manifest, with a broken one, or without its files', async () => {
    const directory = join(folder, MODEL);
    await mkdir(directory);
    await expect(loadCatalog(folder)).rejects.toMatchObject({
      code: 'invalid_catalog',
      message: expect.stringMatching(/^MODELS_DIR: the model in /),
    });
    await writeFile(join(directory, 'manifest.json'), '{}');
    await expect(loadCatalog(folder)).rejects.toThrow(directory);
    await cp(join(EMBEDDED, MODEL, 'manifest.json'), join(directory, 'manifest.json'));
    await expect(loadCatalog(folder)).rejects.toThrow(/Q4_1\.gguf/);
    await writeFile(join(directory, 'SmolLM2-135M-Instruct.Q4_1.gguf'), 'short');
    await expect(loadCatalog(folder)).rejects.toThrow(/has 5 bytes, its manifest says 98362432/);
  });

  it('names a manifest in the folder of another model', async () => {
    await cp(join(EMBEDDED, MODEL, 'manifest.json'), join(folder, 'other', 'manifest.json'));
    await expect(loadCatalog(folder)).rejects.toThrow(/'smollm2-135m-instruct'/);
  });

  describe('with a compiled package', () => {
    const directory = () => join(folder, MODEL);
    const addresses = { engine: 'webllm', modelUrl: `/models/${MODEL}/package`, modelLibUrl: '/models/lib.wasm' };
    beforeEach(() => cp(join(EMBEDDED, MODEL), directory(), { recursive: true }));

    it('offers it, with the size of the files that lie beside it', async () => {
      await mkdir(join(directory(), 'package/resolve/main'), { recursive: true });
      await writeFile(join(directory(), 'package/resolve/main/params_shard_0.bin'), 'weights');
      await writeFile(join(directory(), 'webllm.json'), JSON.stringify(addresses));
      const [model] = await loadCatalog(folder);
      expect(catalogEntrySchema.parse(model?.entry)).toMatchObject({ package: addresses, bytes: 7 });
      expect([...(model?.packageFiles.keys() ?? [])]).toEqual(['resolve/main/params_shard_0.bin']);
    });

    it.each([
      ['no JSON', '{', /JSON/],
      ['another engine', JSON.stringify({ ...addresses, engine: 'onnx' }), /webllm\.json is wrong/],
      ['an unknown setting', JSON.stringify({ ...addresses, overrides: { sink: 1 } }), /webllm\.json is wrong/],
    ])('names the folder of one that is %s', async (_name, text, message) => {
      await writeFile(join(directory(), 'webllm.json'), text);
      await expect(loadCatalog(folder)).rejects.toThrow(message);
      await expect(loadCatalog(folder)).rejects.toThrow(directory());
    });
  });
});
