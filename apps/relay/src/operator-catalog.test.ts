import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogEntrySchema } from '@opengateway/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCatalog } from './catalog.ts';
import { fileOrigins } from './middleware/security-headers.ts';
import { addOperatorCatalog } from './operator-catalog.ts';
import type { AddressInfo } from 'node:net';
import type { CatalogModel } from './catalog.ts';

const EMBEDDED = new URL('../../../models/', import.meta.url).pathname;
const MODEL = 'smollm2-135m-instruct';
const WEIGHTS = 'SmolLM2-135M-Instruct.Q4_1.gguf';
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opengateway-catalog-'));
  path = join(folder, 'catalog.json');
});
afterEach(() => rm(folder, { recursive: true }));

const load = async (entries: unknown, local: readonly CatalogModel[] = []) => {
  await writeFile(path, typeof entries === 'string' ? entries : JSON.stringify(entries));
  return await addOperatorCatalog(path, local);
};
const manifestOf = async (change: object) => {
  const manifest: object = JSON.parse(await readFile(join(EMBEDDED, MODEL, 'manifest.json'), 'utf8'));
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, ...change }));
};

describe('addOperatorCatalog', () => {
  it('says more about a model of MODELS_DIR, whose tier is else told by its bytes', async () => {
    const local = await loadCatalog(EMBEDDED);
    expect(local[0]?.entry.tier).toBe('starter');
    const [model] = await load([{ id: MODEL, tier: 'model-a' }], local);
    expect(model?.entry).toEqual({ ...local[0]?.entry, tier: 'model-a' });
  });

  it('offers a model by the address of its weights, with the manifest on disk', async () => {
    await manifestOf({});
    const entry = { id: MODEL, manifest: 'manifest.json', baseUrl: 'https://huggingface.co/org/repo/resolve/main' };
    const models = await load([entry]);
    expect(catalogEntrySchema.parse(models[0]?.entry)).toMatchObject({ id: MODEL, tier: 'starter' });
    expect(models[0]?.fileUrls).toEqual(new Map([[WEIGHTS, `${entry.baseUrl}/${WEIGHTS}`]]));
    expect(fileOrigins(models)).toContain('https://*.hf.co');
  });

  it('offers a model whose weights lie beside its manifest on disk', async () => {
    await mkdir(join(folder, 'elsewhere'));
    await cp(join(EMBEDDED, MODEL), join(folder, 'elsewhere'), { recursive: true });
    const [model] = await load([{ id: MODEL, manifest: 'elsewhere/manifest.json' }]);
    expect(model).toMatchObject({ directory: join(folder, 'elsewhere'), fileUrls: new Map() });
  });

  it('takes the sources that a manifest itself names', async () => {
    const { files } = JSON.parse(await readFile(join(EMBEDDED, MODEL, 'manifest.json'), 'utf8')) as { files: object[] };
    await manifestOf({ files: [{ ...files[0], sources: ['https://weights.example/a.gguf'] }] });
    const models = await load([{ id: MODEL, manifest: 'manifest.json' }]);
    expect(models[0]?.fileUrls).toEqual(new Map([[WEIGHTS, 'https://weights.example/a.gguf']]));
    expect(fileOrigins(models)).toEqual(['https://weights.example']);
    // Where the files may be had is no part of what the model is.
    expect(models[0]?.entry.manifest).toBe((await loadCatalog(EMBEDDED))[0]?.entry.manifest);
  });

  it('fetches a manifest by its address, with the weights beside it', async () => {
    const bytes = await readFile(join(EMBEDDED, MODEL, 'manifest.json'));
    const server = createServer((request, response) => {
      if (request.url === '/m/manifest.json') response.end(bytes);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      server.once('listening', resolve);
    });
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m`;
    const [model] = await load([{ id: MODEL, manifest: `${base}/manifest.json`, tier: 'starter' }]);
    expect(model?.fileUrls.get(WEIGHTS)).toBe(`${base}/${WEIGHTS}`);
    await expect(load([{ id: MODEL, manifest: `${base}/other.json` }])).rejects.toThrow(
      /entry 1 \('smollm2-135m-instruct'\): manifest cannot be read: .* answers 404/,
    );
    server.close();
  });

  it.each([
    ['no list', {}, 'it must be a JSON array of models'],
    ['no JSON', '[', 'JSON'],
    ['an entry that is nothing', [null], 'entry 1: the entry'],
    ['no id', [{ tier: 'starter' }], 'entry 1: id must be the name of a model'],
    ['an id that is none', [{ id: 'A model' }], "entry 1 ('A model'): id must be the name of a model"],
    ['an unknown tier', [{ id: MODEL, tier: 'model-e' }], `entry 1 ('${MODEL}'): tier must be one of starter, `],
    ['an unknown field', [{ id: MODEL, teir: 'starter' }], `entry 1 ('${MODEL}'): 'teir' is no field`],
    ['no address', [{ id: MODEL, baseUrl: 'ftp://a' }], `entry 1 ('${MODEL}'): baseUrl must be an http`],
    ['an unknown package', [{ id: MODEL, package: {} }], `entry 1 ('${MODEL}'): package must have`],
    ['a second entry of one id', [{ id: MODEL }, { id: MODEL }], `entry 2 ('${MODEL}'): id is that of an entry before`],
    ['an entry of no model', [{ id: 'other' }], "entry 1 ('other'): manifest is missing, and MODELS_DIR has no"],
    ['a model twice', [{ id: MODEL, manifest: 'x' }], `entry 1 ('${MODEL}'): id is that of a model in MODELS_DIR`],
    ['no manifest', [{ id: 'other', manifest: 'x.json' }], "entry 1 ('other'): manifest cannot be read: ENOENT"],
    ['weights of a model that is here', [{ id: MODEL, baseUrl: 'https://a.example' }], 'baseUrl is for models'],
  ])('names the place in a list with %s', async (_name, entries, message) => {
    const failure = load(entries, await loadCatalog(EMBEDDED));
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow(/^CATALOG .*catalog\.json: /);
  });

  it("names the entry of another model's manifest, of weights that lie nowhere and of weights cut short", async () => {
    await manifestOf({ id: 'other' });
    await expect(load([{ id: MODEL, manifest: 'manifest.json' }])).rejects.toThrow("manifest is that of 'other'");
    await expect(load([{ id: 'other', manifest: 'manifest.json' }])).rejects.toThrow(
      "entry 1 ('other'): baseUrl is missing",
    );
    await writeFile(join(folder, WEIGHTS), 'short');
    await expect(load([{ id: 'other', manifest: 'manifest.json' }])).rejects.toThrow('has 5 bytes');
    await manifestOf({ id: 'auto' });
    await expect(load([{ id: 'auto', manifest: 'manifest.json', baseUrl: 'https://weights.example' }])).rejects.toThrow(
      "'auto' is no name for a model",
    );
  });
});
