import { createTensorReader, decodeManifest, type ChunkSource, type TensorReader } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alone } from '../contract/harness.ts';
import { compareWithGolden, teacherForcedLogits, type Golden } from '../golden.ts';
import { requestGpuDevice } from './device.ts';
import { createWebGpuEngine, type WebGpuEngine } from './engine.ts';
import type { KernelVariant } from './variant.ts';
import goldenUrl from '../../../../../test/fixtures/golden.json?url';
import manifestUrl from '../../../../../models/smollm2-135m-instruct/manifest.json?url';
import modelUrl from '../../../../../models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf?url';

const gpu = await requestGpuDevice(navigator.gpu);
afterAll(() => gpu.device.destroy());

describe('webgpu engine on the embedded model', { timeout: 240_000 }, () => {
  let golden: Golden;
  let reader: TensorReader;

  beforeAll(async () => {
    golden = await (await fetch(goldenUrl)).json();
    const manifest = decodeManifest(new Uint8Array(await (await fetch(manifestUrl)).arrayBuffer()));
    const file = new Uint8Array(await (await fetch(modelUrl)).arrayBuffer());
    const source: ChunkSource = {
      readChunk: async (_, index) => file.subarray(index * 1_048_576, (index + 1) * 1_048_576),
    };
    reader = createTensorReader({ manifest, source });
  });

  const create = (start: number, end: number, variant: Partial<KernelVariant> = {}): Promise<WebGpuEngine> =>
    createWebGpuEngine({ reader, gpu }, { layers: { start, end }, variant, kvBudgetBytes: 2 ** 26 });

  it('reproduces the hidden states after 1, 10, 20 and 30 layers to 1e-3, one range after the other', async () => {
    const { conversation, values } = golden.hiddenAfterLayers;
    let input: Int32Array | Float32Array = Int32Array.from(golden.conversations[conversation]!.promptTokens);
    let start = 0;
    for (const end of [1, 10, 20, 30]) {
      // A half-precision cache alone costs more than 1e-3 after ten layers.
      const engine = await create(start, end, { cacheType: 'f32' });
      const states: Float32Array = await alone(engine, input, 'hidden');
      engine.dispose();
      const expected = values[end]!;
      const last = states.subarray(-expected.length);
      const size = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0) / expected.length);
      expected.forEach((value, index) => {
        // Relative to the value, or to the typical one where a value happens to be near zero.
        const difference = Math.abs(last[index]! - value) / Math.max(Math.abs(value), size);
        if (difference > 1e-3) expect.fail(`after layer ${end}, value ${index} is ${last[index]}, not ${value}`);
      });
      input = states;
      start = end;
    }
  });

  it('gives the golden tokens of conversation 0 over a half-precision cache, in whole and decoded', async () => {
    const conversation = golden.conversations[0]!;
    const { promptTokens, greedyTokens } = conversation;
    const engine = await create(0, 30);
    const comparison = compareWithGolden(await teacherForcedLogits(engine, conversation), conversation);
    expect(comparison).toMatchObject({ topAgreement: 1, decisiveMisses: [] });
    expect(comparison.maxLogitDifference).toBeLessThan(0.05);

    // What a scheduler does: the prompt, then a token at a time, the best found on the GPU.
    const sequence = engine.open({ maxTokens: promptTokens.length + 4 });
    let input = Int32Array.from(promptTokens);
    const decoded: number[] = [];
    let before = engine.counters();
    for (let index = 0; index < 4; index++) {
      before = engine.counters();
      const [output] = await engine.forward([{ sequence, input, output: 'top-k' }]);
      const [token] = output!.top!.tokens;
      decoded.push(token!);
      input = Int32Array.of(token!);
    }
    const after = engine.counters();
    expect(decoded).toEqual(greedyTokens.slice(0, 4));
    // A decoded token: 30 layers of 6, embedding, head and top-k; one submit, one small write, one small read.
    expect(after.dispatches - before.dispatches).toBe(183);
    expect(after.submits - before.submits).toBe(1);
    expect(after.bufferWrites - before.bufferWrites).toBe(1);
    expect(after.bytesWritten - before.bytesWritten).toBeLessThan(512);
    expect(after.bytesRead - before.bytesRead).toBeLessThan(1024);
    engine.dispose();
  });
});
