import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../wire/codec.ts';
import { MAX_ADVERT_BYTES, MAX_SERVED_MODELS, advertSchema } from './advert.ts';
import type { Advert } from './advert.ts';

const advert = (models: number): Advert => ({
  v: 1,
  sequence: 2 ** 31 - 1,
  run: 1.8e12,
  state: 'serving',
  kind: 'node',
  models: Array.from({ length: models }, (_, index) => ({
    id: `a-model-with-a-usual-name-${index}`,
    manifest: `${index}`.repeat(64),
    layers: [0, 128],
    engine: 'webgpu',
    contextLength: 131_072,
    slots: 8,
    freeSlots: 8,
    queued: 0,
    decodeTokensPerSecond: 12.345,
    prefillTokensPerSecond: 123.45,
    stored: true,
    bytes: 4_321_000_000,
  })),
});

describe('an advert', () => {
  it('has room for as many models as a peer may have', () => {
    const full = advert(MAX_SERVED_MODELS);
    const bytes = encodeMessage(full);
    expect(bytes.byteLength).toBeLessThanOrEqual(MAX_ADVERT_BYTES);
    expect(decodeMessage(advertSchema, bytes, MAX_ADVERT_BYTES)).toEqual(full);
  });

  it('takes no more', () => {
    const bytes = encodeMessage(advert(MAX_SERVED_MODELS + 1));
    expect(() => decodeMessage(advertSchema, bytes, 2 * MAX_ADVERT_BYTES)).toThrow();
  });
});
