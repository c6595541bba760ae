import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapSchema, catalogEntrySchema, MAX_KNOWN_RELAYS } from './bootstrap.ts';

const entry = {
  id: 'smollm2-135m-instruct-mlc',
  name: 'SmolLM2 135M Instruct (MLC)',
  manifest: 'ab'.repeat(32),
  manifestUrl: '/models/smollm2-135m-instruct-mlc/manifest.json',
  bytes: 540_000_000,
  layerCount: 30,
  contextLength: 8192,
  license: 'Apache-2.0',
};
const addresses = { engine: 'webllm', modelUrl: '/mlc/smollm2/', modelLibUrl: '/mlc/smollm2.wasm' };
const accepts = (modelPackage: unknown) => catalogEntrySchema.safeParse({ ...entry, package: modelPackage }).success;

describe('catalogue entry', () => {
  it('needs no package', () => {
    expect(catalogEntrySchema.parse(entry)).toEqual(entry);
  });

  it.each([
    addresses,
    { ...addresses, overrides: {} },
    { ...addresses, overrides: { context_window_size: 2048 } },
    { engine: 'webllm', prebuilt: 'SmolLM2-135M-Instruct-q0f32-MLC' },
    { engine: 'webllm', prebuilt: 'SmolLM2-135M-Instruct-q0f32-MLC', overrides: { context_window_size: 1024 } },
  ])('keeps the package %j', (modelPackage) => {
    expect(catalogEntrySchema.parse({ ...entry, package: modelPackage }).package).toEqual(modelPackage);
  });

  it.each([
    ['of another engine', { ...addresses, engine: 'wasm' }],
    ['without a library', { engine: 'webllm', modelUrl: '/mlc/' }],
    ['without any address', { engine: 'webllm' }],
    ['with both kinds of address', { ...addresses, prebuilt: 'SmolLM2-135M-Instruct-q0f32-MLC' }],
    ['with an unknown field', { ...addresses, model_type: 0 }],
    ['with an override that changes nothing here', { ...addresses, overrides: { temperature: 0.2 } }],
    ['with a cache of no positions', { ...addresses, overrides: { context_window_size: 0 } }],
    ['with an endless address', { ...addresses, modelUrl: 'a'.repeat(2049) }],
    ['with a path for a name', { engine: 'webllm', prebuilt: '../model' }],
    ['that is nothing', null],
  ])('refuses a package %s', (_, modelPackage) => {
    expect(accepts(modelPackage)).toBe(false);
  });

  it('holds under any package', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => typeof accepts(value) === 'boolean'));
  });
});

describe('the relays of a bootstrap document', () => {
  const document = { protocol: 1, relay: { peer: 'R', multiaddrs: [] }, region: 'europe', catalog: [] };
  const read = (relays: unknown) => bootstrapSchema.parse({ ...document, relays }).relays;
  const good = { region: 'asia', url: 'https://asia.example', multiaddrs: ['/dns4/asia.example/tcp/443/wss'] };

  it.each([
    ['more addresses than any relay has', { ...good, multiaddrs: Array(17).fill('/ip4/127.0.0.1/tcp/1/ws') }],
    ['an endless address', { ...good, multiaddrs: ['a'.repeat(513)] }],
    ['an endless name', { ...good, url: 'a'.repeat(2049) }],
    ['no region', { url: good.url }],
    ['nothing', null],
  ])('are read without an entry with %s', (_, wrong) => {
    expect(read([wrong, good, wrong])).toEqual([good]);
  });

  it('may be absent, and are never more than can be used', () => {
    expect(bootstrapSchema.parse(document)).not.toHaveProperty('relays');
    expect(read(Array.from({ length: 1_000 }, () => good))).toHaveLength(MAX_KNOWN_RELAYS);
  });

  it('hide nothing else, whatever their entries are', () => {
    fc.assert(fc.property(fc.array(fc.jsonValue()), (entries) => read([...entries, good])?.at(-1)?.url === good.url));
  });
});
