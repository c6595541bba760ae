import { dequantize, parseManifest, TENSOR_TYPES, verifyChunk } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTRACT_MODELS } from '../engines/engine.contract.ts';
import { float16Bits, randomTensorBytes } from './random-tensor.ts';
import { seededRandom } from './seeded-random.ts';
import { createTinyModel } from './tiny-model.ts';

describe('createTinyModel', () => {
  it.each(Object.entries(CONTRACT_MODELS))('makes a manifest that is accepted: %s', async (_, options) => {
    const { manifest, bytes } = await createTinyModel(options);
    expect(parseManifest(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
    await verifyChunk(manifest.files[0]!, 0, bytes);
  });

  it('makes the same bytes of the same options, and others of another seed', async () => {
    const [first, again, other] = await Promise.all([{}, {}, { seed: 2 }].map((options) => createTinyModel(options)));
    expect(again!.bytes).toEqual(first!.bytes);
    expect(other!.bytes).not.toEqual(first!.bytes);
  });

  it('uses every tensor type somewhere', async () => {
    const { manifest } = await createTinyModel();
    expect(new Set(manifest.tensors.map(({ type }) => type))).toEqual(new Set(TENSOR_TYPES));
  });
});

describe('randomTensorBytes', () => {
  it.each(TENSOR_TYPES)('gives %s values of the wanted spread', (type) => {
    const count = 32 * 400;
    const bytes = { F32: 4 * count, F16: 2 * count, Q8_0: 34 * 400, Q4_0: 18 * 400, Q4_1: 20 * 400 }[type];
    const encoded = randomTensorBytes(seededRandom(1), { type, bytes, spread: 0.3, mean: 0 });
    const values = dequantize(type, encoded, count);
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / count);
    expect(deviation).toBeGreaterThan(0.27);
    expect(deviation).toBeLessThan(0.35);
  });

  it('rounds to half precision within half a unit of the last place', () => {
    fc.assert(
      fc.property(fc.double({ min: -60_000, max: 60_000, noNaN: true }), (value) => {
        const bits = float16Bits(value);
        const [decoded] = dequantize('F16', Uint8Array.of(bits & 255, bits >> 8), 1);
        expect(Math.abs(decoded! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
      }),
    );
  });
});
