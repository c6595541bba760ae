import { afterAll, describe, expect, it } from 'vitest';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { alone, expectSameBits } from '../contract/harness.ts';
import { requestGpuDevice } from './device.ts';
import { createWebGpuEngine, type WebGpuEngineInit } from './engine.ts';
import { hasOrderedQuads } from './quads.ts';

const gpu = await requestGpuDevice(navigator.gpu);
afterAll(() => gpu.device.destroy());
const model = await createTinyModel({ matrixTypes: ['Q4_1'], architecture: { layerCount: 2 } });

class MemoryStore {
  readonly values = new Map<string, string>();
  get(key: string) {
    return this.values.get(key);
  }
  set(key: string, value: string) {
    this.values.set(key, value);
  }
}

const create = (init: Partial<WebGpuEngineInit>) =>
  createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: { start: 0, end: 2 }, ...init });

describe('tuning', { timeout: 120_000 }, () => {
  it('chooses kernels by measuring them, keeps the choice, and changes no bit of a result', async () => {
    const store = new MemoryStore();
    const tokens = Int32Array.of(3, 1, 4, 1, 5);
    const usual = await create({});
    const expected = await alone(usual, tokens, 'all-logits');
    const tuned = await create({ tuning: { store, software: true } });
    expectSameBits(await alone(tuned, tokens, 'all-logits'), expected);
    expect(store.values.size).toBe(1);
    const [[key, value]] = store.values.entries() as unknown as [[string, string]];
    expect(key).toContain('swiftshader');
    expect(JSON.parse(value)).toMatchObject({ rowsPerThread: expect.any(Number), subgroups: expect.any(Boolean) });
    for (const engine of [usual, tuned]) engine.dispose();
  });

  it('takes what the store holds, and measures again what it cannot use', async () => {
    const store = new MemoryStore();
    (await create({ tuning: { store, software: true, budgetMs: 0 } })).dispose();
    const [key] = store.values.keys();
    store.set(key!, JSON.stringify({ subgroups: false, rowsPerThread: 2, maxMatvecTokens: 4 }));
    const known = await create({ tuning: { store, software: true } });
    expect(known.info.variant).toBe('f32, f16 cache, 2 rows x 4 tokens');
    known.dispose();
    for (const broken of ['{', '{"subgroups":1}', '{"subgroups":false,"rowsPerThread":7,"maxMatvecTokens":1}', '[]']) {
      store.set(key!, broken);
      (await create({ tuning: { store, software: true, budgetMs: 0 } })).dispose();
      expect(JSON.parse(store.get(key!)!)).toHaveProperty('rowsPerThread');
      expect(store.get(key!)).not.toBe(broken);
    }
  });
});

it('finds that neighbouring threads are quads', async () => {
  expect(await hasOrderedQuads(gpu)).toBe(gpu.features.subgroups);
});
