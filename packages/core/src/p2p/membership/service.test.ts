import { describe, expect, it } from 'vitest';
import { advertSchema, MAX_ADVERT_BYTES } from '../../membership/advert.ts';
import type { Advert, ServedModel } from '../../membership/advert.ts';
import { decodeMessage } from '../../wire/codec.ts';
import { encodeAdvert } from './service.ts';

const model = (index: number): ServedModel => ({
  id: `model-${index}`,
  manifest: index.toString(16).repeat(64).slice(0, 64),
  layers: [0, 30],
  engine: 'wasm',
  contextLength: 8_192,
  slots: 8,
  freeSlots: 3,
  queued: 1,
  decodeTokensPerSecond: 61.25,
  prefillTokensPerSecond: 312.5,
});

const advert = (models: number): Advert => ({
  v: 1,
  sequence: 7,
  run: 1_763_000_000_000,
  state: 'serving',
  kind: 'tab',
  models: Array.from({ length: models }, (_, index) => model(index)),
});

describe('encodeAdvert', () => {
  it('stays under 512 bytes for a peer with one model', () => {
    expect(encodeAdvert(advert(1)).byteLength).toBeLessThan(512);
  });

  it('keeps as many models as fit', () => {
    const bytes = encodeAdvert(advert(8));
    expect(bytes.byteLength).toBeLessThanOrEqual(MAX_ADVERT_BYTES);
    const decoded = decodeMessage(advertSchema, bytes, MAX_ADVERT_BYTES);
    expect(decoded.models.length).toBeGreaterThan(1);
    expect(decoded.models).toEqual(advert(8).models.slice(0, decoded.models.length));
  });
});
