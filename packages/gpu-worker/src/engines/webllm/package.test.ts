import { errorCode } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeEngine, fetchFrom, standInPackageFiles } from '../../testing/index.ts';
import { MAX_CONFIG_BYTES } from './constants.ts';
import { locatePackage } from './locate-package.ts';
import { checkPackage, describePackage, packageFolder } from './package.ts';
import { listPrebuiltModels } from './prebuilt-models.ts';

const { architecture } = new FakeEngine().info;
const FOLDER = 'https://models.test/tiny/resolve/main/';
const RECORD = { model: 'https://models.test/tiny', model_id: 'tiny', model_lib: 'https://models.test/tiny.wasm' };
const files = standInPackageFiles({ architecture, quantization: 'q4f16_1', contextWindow: 512, paddedRows: 8 });

const describeFiles = (over: Readonly<Record<string, string>>) =>
  describePackage(fetchFrom(FOLDER, { ...files, ...over }), RECORD);
const refused: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));
const codeOf = (work: Promise<unknown>) => work.then(() => 'no error', errorCode);

describe('package', () => {
  it('describes itself', async () => {
    expect(await describeFiles({})).toEqual({
      quantization: 'q4f16_1',
      computesInHalf: true,
      vocabularySize: 72,
      contextWindow: 512,
      weightBytes: 1000,
      layerCount: 1,
      hiddenSize: 8,
    });
  });

  it.each([
    ['https://models.test/tiny', 'https://models.test/tiny/resolve/main/'],
    ['https://models.test/tiny/', 'https://models.test/tiny/resolve/main/'],
    ['https://models.test/tiny/resolve/v2', 'https://models.test/tiny/resolve/v2/'],
    ['https://models.test/tiny/resolve/v2/', 'https://models.test/tiny/resolve/v2/'],
  ])("is, given as %s, in %s: the library's own rule", (modelUrl, folder) => {
    expect(packageFolder(modelUrl)).toBe(folder);
  });

  it('is unavailable where its host does not answer, or has it not', async () => {
    expect(await codeOf(describePackage(refused, RECORD))).toBe('package_unavailable');
    expect(await codeOf(describePackage(fetchFrom(FOLDER, {}), RECORD))).toBe('package_unavailable');
  });

  it('is not read further once it is not wanted', async () => {
    const reason = new Error('changed mind');
    await expect(describePackage(fetchFrom(FOLDER, files), RECORD, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each([
    ['no JSON', { 'mlc-chat-config.json': '<!doctype html>' }],
    ['a list', { 'mlc-chat-config.json': '[]' }],
    ['no quantisation', { 'mlc-chat-config.json': '{"vocab_size":64}' }],
    ['no vocabulary', { 'mlc-chat-config.json': '{"quantization":"q4f16_1"}' }],
    ['no shards', { 'tensor-cache.json': '{"records":[]}' }],
    ['shards of no size', { 'tensor-cache.json': '{"records":[{"dataPath":"a"}]}' }],
    ['too long a description', { 'mlc-chat-config.json': ' '.repeat(MAX_CONFIG_BYTES + 1) }],
  ])('is refused with %s', async (_, over) => {
    expect(await codeOf(describeFiles(over))).toBe('invalid_package');
  });

  it('is described or refused with a code, whatever its files say', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (config, index) => {
        const code = await codeOf(describeFiles({ 'mlc-chat-config.json': config, 'tensor-cache.json': index }));
        return code === 'no error' || code === 'invalid_package';
      }),
    );
  });

  it('is not taken for that of another model', async () => {
    const description = await describeFiles({});
    expect(() => checkPackage(description, architecture)).not.toThrow();
    for (const other of [{ layerCount: 2 }, { hiddenSize: 16 }, { vocabularySize: 73 }]) {
      expect(() => checkPackage(description, { ...architecture, ...other })).toThrow(/not of this model/);
    }
  });

  it('is located from where the relay is', () => {
    const addresses = { engine: 'webllm', modelUrl: '/mlc/tiny', modelLibUrl: 'https://other.test/tiny.wasm' } as const;
    expect(locatePackage(addresses, 'https://relay.test/app/')).toEqual({
      kind: 'package',
      package: { ...addresses, modelUrl: 'https://relay.test/mlc/tiny' },
    });
    const prebuilt = { engine: 'webllm', prebuilt: 'Tiny-MLC' } as const;
    expect(locatePackage(prebuilt, 'https://relay.test/')).toEqual({ kind: 'package', package: prebuilt });
  });
});

describe("the library's own list", () => {
  it('has text models under names and addresses that a catalogue entry can hold', async () => {
    const models = await listPrebuiltModels();
    expect(models.length).toBeGreaterThan(50);
    const smol = models.find(({ prebuilt }) => prebuilt === 'SmolLM2-135M-Instruct-q0f32-MLC');
    expect(smol).toMatchObject({ contextWindow: 4096, needsHalfPrecision: false });
    expect(models.some(({ prebuilt }) => prebuilt.includes('embed'))).toBe(false);
    for (const { prebuilt } of models) expect(prebuilt).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
  });
});
