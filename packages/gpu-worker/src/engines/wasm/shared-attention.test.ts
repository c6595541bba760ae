import type { ModelArchitecture } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { createTinyModel } from '../../testing/tiny-model.ts';
import type { Engine } from '../engine.ts';
import { createWasmEngine } from './engine.ts';

/** Long enough for whole heads, shared heads, and several pages of both. */
const PROMPT = 48;
const LAST = 150;

/** Head shapes that threads cannot take whole and evenly. */
const SHAPES: Readonly<Record<string, Partial<ModelArchitecture>>> = {
  'one key/value head for seven query heads of 32': heads(7, 1, 32),
  'three key/value heads, each for four of 40': heads(12, 3, 40),
  'five heads of 64': heads(5, 5, 64),
};

describe('attention that threads share', () => {
  for (const [name, architecture] of Object.entries(SHAPES)) {
    it(`gives one thread's bits with two threads and four: ${name}`, async () => {
      const model = await createTinyModel({ seed: 7, architecture: { layerCount: 2, ...architecture } });
      const random = seededRandom(5);
      const tokens = Int32Array.from({ length: LAST }, () => Math.floor(random() * 320));
      const engines: Engine[] = [];
      try {
        for (const threads of [1, 2, 4]) {
          engines.push(
            await createWasmEngine({ reader: model.createReader() }, { layers: { start: 0, end: 2 }, threads }),
          );
        }
        const [one, ...several] = await Promise.all(engines.map((engine) => decode(engine, tokens)));
        for (const other of several) expect(other.equals(one!)).toBe(true);
      } finally {
        for (const engine of engines) engine.dispose();
      }
    });
  }
});

/** Logits of every position after the prompt, decoded one by one. */
async function decode(engine: Engine, tokens: Int32Array): Promise<Buffer> {
  const sequence = engine.open({ maxTokens: tokens.length });
  await engine.forward([{ sequence, input: tokens.subarray(0, PROMPT), output: 'none' }]);
  const logits: Buffer[] = [];
  for (let at = PROMPT; at < tokens.length; at++) {
    const [output] = await engine.forward([{ sequence, input: tokens.subarray(at, at + 1), output: 'last-logits' }]);
    logits.push(Buffer.from(Float32Array.from(output!.values).buffer));
  }
  return Buffer.concat(logits);
}

function heads(queryHeadCount: number, keyValueHeadCount: number, headSize: number): Partial<ModelArchitecture> {
  return { queryHeadCount, keyValueHeadCount, headSize, ropeDimensionCount: headSize };
}
