import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedSeed, gumbel, positionKey, secondPositionKey, tokenHash } from './gumbel-noise.ts';
import { createSampler } from './sampler.ts';
import { DEFAULT_SAMPLING } from './sampling.ts';
import type { SamplingParameters } from './sampling.ts';

const parametersOf = (overrides: Partial<SamplingParameters>): SamplingParameters => ({
  ...DEFAULT_SAMPLING,
  seed: 1,
  ...overrides,
});

const samplerOf = (vocabularySize: number, overrides: Partial<SamplingParameters> = {}, promptTokens: number[] = []) =>
  createSampler({ vocabularySize, parameters: parametersOf(overrides), promptTokens });

const logitsArbitrary = fc
  .array(fc.integer({ min: -30_000, max: 30_000 }), { minLength: 2, maxLength: 300 })
  // Never so close that the reference's rounding would decide.
  .map((values) => Float32Array.from(values, (value) => value / 1024));

/** Logits of few distinct values, so that ties fall on every limit. */
const tiedLogitsArbitrary = fc
  .array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 60 })
  .map((values) => Float32Array.from(values));

/** Everything sorted, `Math.exp` and one filter after the other: slow and plain. */
function keptNaively(logits: Float32Array, parameters: SamplingParameters): number[] {
  const { temperature, topK, topP, minP } = parameters;
  let kept = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  if (topK > 0) kept = kept.slice(0, topK);
  const maximum = logits[kept[0] as number] as number;
  const weight = (token: number) => Math.exp(((logits[token] as number) - maximum) / temperature);
  if (topP < 1) {
    const total = kept.reduce((sum, token) => sum + weight(token), 0);
    let mass = 0;
    let size = 0;
    while (size < kept.length && mass < topP * total) mass += weight(kept[size++] as number);
    kept = kept.slice(0, size);
  }
  return kept.filter((token) => weight(token) >= minP);
}

const chosenNaively = (logits: Float32Array, parameters: SamplingParameters, position: number): number => {
  const first = positionKey(parameters.seed, position);
  const second = secondPositionKey(parameters.seed, position);
  const score = (token: number) =>
    (logits[token] as number) * (1 / parameters.temperature) + gumbel(tokenHash(first, second, token));
  return keptNaively(logits, parameters).reduce((best, token) =>
    score(token) > score(best) || (score(token) === score(best) && token < best) ? token : best,
  );
};

describe('createSampler', () => {
  it('chooses the highest logit at temperature 0, the lowest id among equals', () => {
    const sampler = samplerOf(7, { temperature: 0 });
    expect(sampler.sample(Float32Array.of(1, 3, 9, 2, 9, 9, 0), 0)).toEqual({ token: 2 });
    fc.assert(
      fc.property(fc.oneof(logitsArbitrary, tiedLogitsArbitrary), (logits) => {
        const { token } = samplerOf(logits.length, { temperature: 0 }).sample(logits, 3);
        expect(token).toBe(logits.indexOf(Math.max(...logits)));
      }),
    );
  });

  it('chooses what a plain reference chooses, for any filters and logits', () => {
    fc.assert(
      fc.property(
        fc.oneof(logitsArbitrary, tiedLogitsArbitrary),
        fc.record({
          temperature: fc.double({ min: 0.1, max: 3, noNaN: true }),
          topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 80 })),
          topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 0.999, noNaN: true })),
          minP: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1, noNaN: true })),
          seed: fc.integer({ min: 0, max: 0xffffffff }),
        }),
        fc.nat(8_191),
        (logits, filters, position) => {
          const parameters = parametersOf(filters);
          const sampler = createSampler({ vocabularySize: logits.length, parameters, promptTokens: [] });
          expect(sampler.sample(logits, position).token).toBe(chosenNaively(logits, parameters, position));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('gives exactly the tokens top_k, top_p and min_p keep, over many seeds', () => {
    const logits = Float32Array.of(2, 1.9, 1.5, 1.5, 1.5, 0.4, 0, -1, -2, -4);
    for (const filters of [
      { topK: 3 },
      { topP: 0.5 },
      { topP: 0.9 },
      { minP: 0.3 },
      { topK: 6, topP: 0.8 },
      { topK: 7, topP: 0.95, minP: 0.2, temperature: 1.5 },
    ]) {
      const parameters = parametersOf(filters);
      const seen = new Set<number>();
      for (let seed = 0; seed < 400; seed += 1) {
        seen.add(samplerOf(logits.length, { ...filters, seed }).sample(logits, 9).token);
      }
      expect([...seen].sort((a, b) => a - b)).toEqual(keptNaively(logits, parameters).sort((a, b) => a - b));
    }
  });

  for (const [name, filters] of [
    ['nothing filtered', {}],
    ['temperature 0.7', { temperature: 0.7 }],
    ['top_k and top_p', { topK: 12, topP: 0.9 }],
  ] as const) {
    it(`follows the softmax distribution with ${name}`, () => {
      const logits = Float32Array.from({ length: 16 }, (_, token) => 3 * Math.sin(token * 1.7));
      const parameters = parametersOf(filters);
      const kept = keptNaively(logits, parameters);
      const weights = kept.map((token) => Math.exp((logits[token] as number) / parameters.temperature));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const draws = 20_000;
      const counts = new Map<number, number>();
      // Half the draws along positions of one seed, half along seeds of one position.
      for (let draw = 0; draw < draws; draw += 1) {
        const [seed, position] = draw % 2 === 0 ? [77, draw] : [draw, 77];
        const { token } = samplerOf(16, { ...filters, seed }).sample(logits, position);
        counts.set(token, (counts.get(token) ?? 0) + 1);
      }
      const chiSquare = kept.reduce((sum, token, i) => {
        const expected = ((weights[i] as number) / total) * draws;
        return sum + ((counts.get(token) ?? 0) - expected) ** 2 / expected;
      }, 0);
      const freedom = kept.length - 1;
      expect(chiSquare).toBeLessThan(freedom + 4 * Math.sqrt(2 * freedom));
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(draws);
    });
  }

  it('gives the same tokens again, and when resumed half-way', () => {
    const vocabularySize = 500;
    const promptTokens = [1, 2, 3, 2];
    const parameters = parametersOf({
      temperature: 1.3,
      topP: 0.97,
      frequencyPenalty: 0.8,
      presencePenalty: 0.3,
      repetitionPenalty: 1.2,
      logitBias: [[9, 2]],
      seed: 123_456_789,
    });
    // Logits that depend on the tokens so far, as a model's do.
    const logitsAfter = (tokens: readonly number[]) =>
      Float32Array.from(
        { length: vocabularySize },
        (_, i) => 4 * Math.sin(i * 0.37 + tokens.length + (tokens.at(-1) ?? 0)),
      );
    const run = (answer: readonly number[], length: number): number[] => {
      const tokens = [...promptTokens, ...answer];
      const sampler = createSampler({ vocabularySize, parameters, promptTokens, answerTokens: answer });
      while (tokens.length < promptTokens.length + length) {
        const { token } = sampler.sample(logitsAfter(tokens), tokens.length);
        sampler.accept(token);
        tokens.push(token);
      }
      return tokens.slice(promptTokens.length);
    };
    const whole = run([], 60);
    expect(run([], 60)).toEqual(whole);
    for (const half of [1, 17, 59]) expect(run(whole.slice(0, half), 60)).toEqual(whole);
    expect(new Set(whole).size).toBeGreaterThan(10);
  });

  it('gives tokens that move with their ids only: other candidates do not change the noise', () => {
    const logits = Float32Array.from({ length: 40 }, (_, i) => Math.cos(i));
    const sampler = samplerOf(40, { seed: 5 });
    const { token } = sampler.sample(logits, 12);
    const without = logits.map((logit, i) => (i === token || i % 2 === 0 ? logit : -1e9));
    expect(sampler.sample(without, 12).token).toBe(token);
  });

  it('differs between seeds, positions and derived seeds', () => {
    const logits = new Float32Array(1000);
    const chosen = (seed: number, position: number) => samplerOf(1000, { seed }).sample(logits, position).token;
    const along = Array.from({ length: 50 }, (_, i) => chosen(1, i));
    expect(new Set(along).size).toBeGreaterThan(40);
    expect(Array.from({ length: 50 }, (_, i) => chosen(2, i))).not.toEqual(along);
    expect(Array.from({ length: 50 }, (_, i) => chosen(derivedSeed(1, 1), i))).not.toEqual(along);
  });

  it('subtracts frequency and presence penalties for answer tokens only', () => {
    const sampler = samplerOf(3, { temperature: 0, frequencyPenalty: 0.5, presencePenalty: 0.25 }, [0, 0, 0, 0]);
    const logits = Float32Array.of(2, 1.5, 0);
    expect(sampler.sample(logits, 4).token).toBe(0);
    sampler.accept(0);
    expect(sampler.sample(Float32Array.of(2, 1.24, 0), 5).token).toBe(0);
    expect(sampler.sample(Float32Array.of(2, 1.26, 0), 5).token).toBe(1);
    sampler.accept(0);
    expect(sampler.sample(Float32Array.of(2, 0.74, 0), 6).token).toBe(0);
    expect(sampler.sample(Float32Array.of(2, 0.76, 0), 6).token).toBe(1);
  });

  it('divides positive and multiplies negative logits by the repetition penalty, prompt included', () => {
    const sampler = samplerOf(3, { temperature: 0, repetitionPenalty: 2 }, [0, 0]);
    expect(sampler.sample(Float32Array.of(2, 1.1, -9), 2).token).toBe(1);
    expect(sampler.sample(Float32Array.of(2, 0.9, -9), 2).token).toBe(0);
    expect(sampler.sample(Float32Array.of(-2, -3.9, -9), 2).token).toBe(1);
    expect(sampler.sample(Float32Array.of(-2, -4.1, -9), 2).token).toBe(0);
    sampler.accept(1);
    expect(sampler.sample(Float32Array.of(2, 1.1, 0.9), 3).token).toBe(0);
  });

  it('chooses a token under any parameters a stranger may send', () => {
    const logits = Float32Array.of(3, -2, 30, -30);
    for (const extreme of [1e-308, 5e-324, 1e-3, 100, 1e300]) {
      const sampler = samplerOf(
        4,
        { repetitionPenalty: extreme, temperature: extreme, topP: Math.min(extreme, 1), minP: Math.min(extreme, 1) },
        [0, 1, 2, 3],
      );
      for (let position = 4; position < 12; position++) {
        const { token } = sampler.sample(logits, position);
        expect(token).toBeGreaterThanOrEqual(0);
        expect(token).toBeLessThan(4);
        sampler.accept(token);
      }
    }
  });

  it("adds logit_bias, ignores entries outside the vocabulary, and leaves the caller's logits alone", () => {
    const logits = Float32Array.of(2, 1, 0);
    const sampler = samplerOf(3, {
      temperature: 0,
      logitBias: [
        [2, 100],
        [0, -100],
        [99, 5],
        [-1, 5],
      ],
    });
    expect(sampler.sample(logits, 0).token).toBe(2);
    expect([...logits]).toEqual([2, 1, 0]);
  });

  it("reports log-probabilities of the model's own distribution, before temperature and penalties", () => {
    const logits = Float32Array.of(1, 2, 3, 3, -5);
    const sampler = samplerOf(5, { temperature: 0, logitBias: [[4, 100]], topLogprobs: 3 });
    const { token, logprobs } = sampler.sample(logits, 0);
    const logSum = Math.log([...logits].reduce((sum, logit) => sum + Math.exp(logit), 0));
    expect(token).toBe(4);
    expect(logprobs?.logprob).toBeCloseTo(-5 - logSum, 6);
    expect(logprobs?.top.map((entry) => entry.token)).toEqual([2, 3, 1]);
    expect(logprobs?.top.map((entry) => entry.logprob)).toEqual([3, 3, 2].map((l) => expect.closeTo(l - logSum, 6)));
    expect(samplerOf(5, { topLogprobs: 0 }).sample(logits, 0).logprobs?.top).toEqual([]);
  });

  it('ranks the top log-probabilities as a full sort does', () => {
    fc.assert(
      fc.property(fc.oneof(logitsArbitrary, tiedLogitsArbitrary), fc.nat(20), (logits, count) => {
        const { logprobs } = samplerOf(logits.length, { topLogprobs: count }).sample(logits, 0);
        const sorted = keptNaively(logits, parametersOf({}));
        expect(logprobs?.top.map((entry) => entry.token)).toEqual(sorted.slice(0, count));
      }),
    );
  });

  it('copes with logits of minus infinity and refuses those without a finite maximum', () => {
    const never = Number.NEGATIVE_INFINITY;
    const logits = Float32Array.of(never, 1, never, never);
    for (const filters of [{}, { topK: 3 }, { topP: 0.9 }, { topK: 3, topP: 0.5 }, { minP: 0.1 }, { topLogprobs: 4 }]) {
      expect(samplerOf(4, filters).sample(logits, 0).token).toBe(1);
    }
    for (const value of [never, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => samplerOf(4).sample(new Float32Array(4).fill(value), 0)).toThrow(
        expect.objectContaining({ code: 'invalid_logits' }),
      );
    }
    expect(() => samplerOf(4).sample(new Float32Array(5), 0)).toThrow(
      expect.objectContaining({ code: 'invalid_logits' }),
    );
  });
});
