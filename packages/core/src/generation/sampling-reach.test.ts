import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSampler } from './sampler.ts';
import { samplingReach } from './sampling-reach.ts';
import { DEFAULT_SAMPLING } from './sampling.ts';

const sampling = { ...DEFAULT_SAMPLING, seed: 5 };

describe('samplingReach', () => {
  it('is one for greedy choice, top_k where that limits, and everything else otherwise', () => {
    expect(samplingReach({ ...sampling, temperature: 0, topK: 40 })).toBe(1);
    expect(samplingReach({ ...sampling, topK: 40, topP: 0.9 })).toBe(40);
    expect(samplingReach(sampling)).toBe(Infinity);
    for (const whole of [{ repetitionPenalty: 1.1 }, { presencePenalty: 1 }, { frequencyPenalty: 1 }]) {
      expect(samplingReach({ ...sampling, temperature: 0, ...whole })).toBe(Infinity);
    }
    expect(samplingReach({ ...sampling, temperature: 0, topLogprobs: 0 })).toBe(Infinity);
    expect(samplingReach({ ...sampling, temperature: 0, logitBias: [[1, 2]] })).toBe(Infinity);
  });

  it('names enough logits: all others may be hidden and the choice is the same', () => {
    const vocabularySize = 48;
    const logits = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: vocabularySize, maxLength: vocabularySize });
    const settings = fc.record({
      temperature: fc.constantFrom(0, 0.7, 1.5),
      topK: fc.integer({ min: 1, max: 12 }),
      topP: fc.constantFrom(1, 0.8),
      minP: fc.constantFrom(0, 0.1),
    });
    fc.assert(
      fc.property(logits, settings, fc.nat(1000), (values, chosen, position) => {
        const parameters = { ...sampling, ...chosen };
        const row = Float32Array.from(values);
        const best = values.map((_, token) => token).sort((a, b) => row[b]! - row[a]! || a - b);
        const hidden = new Float32Array(vocabularySize).fill(-Infinity);
        for (const token of best.slice(0, samplingReach(parameters))) hidden[token] = row[token]!;
        const sample = (from: Float32Array) =>
          createSampler({ vocabularySize, parameters, promptTokens: [] }).sample(from, position).token;
        expect(sample(hidden)).toBe(sample(row));
      }),
    );
  });
});
