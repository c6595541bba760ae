import { DEFAULT_SAMPLING, OpenGatewayError, createSampler, errorCode } from '@opengateway/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CREDIT_WINDOW_TOKENS, DEFAULT_MAX_QUEUED_GENERATIONS } from '../scheduler/constants.ts';
import { createInProcessClient, type InProcessClient } from '../testing/in-process-client.ts';
import type { GenerateEvent, GenerateRequest, ModelManifest } from '@opengateway/core';
import type { CreateEngine } from '../engines/create-engine.ts';
import type { Engine } from '../engines/engine.ts';

/** An engine under the contract, and the hand on its switch. */
export interface ContractEngine {
  readonly engine: Engine;
  /** The logits the engine gives after `tokens`. */
  logitsAfter(tokens: readonly number[]): Float32Array;
  /** Makes every step fail until told otherwise. */
  breakSteps(broken: boolean): void;
}

export interface GeneratorContractOptions {
  readonly name: string;
  /** Makes the engine that a load asks for, with a vocabulary of 64 and a context of at least 512. */
  readonly create: (...request: Parameters<CreateEngine>) => Promise<ContractEngine>;
}

/**
 * What a coordinator relies on, whatever engine computes: the engine worker, asked over its own channel,
 * gives the same tokens in the same order, stops where and when it should, and lets no request harm another.
 */
export function generatorContract({ name, create }: GeneratorContractOptions): void {
  describe(`generator over ${name}`, () => {
    let process: InProcessClient;
    let contract: ContractEngine;
    beforeEach(async () => {
      process = createInProcessClient({
        createEngine: async (...request) => {
          contract = await create(...request);
          return contract.engine;
        },
      });
      await process.client.load({
        manifest: { architecture: { layerCount: 1 } } as ModelManifest,
        weights: { kind: 'directory', path: 'nowhere' },
        engine: 'reference',
        layers: { start: 0, end: 1 },
      });
    });
    afterEach(() => process[Symbol.dispose]());

    const open = (over: Partial<GenerateRequest> = {}, signal = new AbortController().signal) =>
      process.client.generator.generate(request(over), { signal })[Symbol.asyncIterator]();
    const collect = async (over: Partial<GenerateRequest> = {}): Promise<GenerateEvent[]> => {
      const events: GenerateEvent[] = [];
      const iterator = open(over);
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) events.push(next.value);
      return events;
    };
    /** Round trips to the worker: more than any answer here needs to go on or to end. */
    const settle = async () => {
      for (let count = 0; count < 50; count++) await process.client.stats();
    };
    /** The answer as the logits and core's sampler have it, with nothing in between. */
    const expected = (over: Partial<GenerateRequest> = {}): number[] => {
      const { tokens, promptTokenCount, maxTokens, sampling } = request(over);
      const sampler = createSampler({
        vocabularySize: 64,
        parameters: sampling,
        promptTokens: tokens.slice(0, promptTokenCount),
        answerTokens: tokens.slice(promptTokenCount),
      });
      const all = [...tokens];
      while (all.length < tokens.length + maxTokens) {
        const { token } = sampler.sample(contract.logitsAfter(all), all.length);
        sampler.accept(token);
        all.push(token);
      }
      return all.slice(tokens.length);
    };

    it("gives progress, the tokens that core's seeded sampler chooses, and an end", async () => {
      const sampling = { ...DEFAULT_SAMPLING, seed: 3, temperature: 0.7, topP: 0.9, frequencyPenalty: 0.5 };
      const events = await collect({ maxTokens: 20, sampling });
      const types = events.map(({ type }) => type);
      const firstToken = types.indexOf('token');
      expect(firstToken).toBeGreaterThan(0);
      expect(types.slice(0, firstToken).every((type) => type === 'progress')).toBe(true);
      expect(types.slice(firstToken)).toEqual([...Array.from({ length: 20 }, () => 'token'), 'end']);
      expect(tokensOf(events)).toEqual(expected({ maxTokens: 20, sampling }));
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length' });
    });

    it('reads a prompt longer than a batch, and says how far it is', async () => {
      const tokens = Array.from({ length: 300 }, (_, index) => (index * 7) % 64);
      const events = await collect({ tokens, maxTokens: 3 });
      expect(tokensOf(events)).toEqual(expected({ tokens, maxTokens: 3 }));
      const done = events.flatMap((event) => (event.type === 'progress' ? [event.done] : []));
      expect(done).toEqual([...done].sort((left, right) => left - right));
      expect(events.find(({ type }) => type === 'progress')).toMatchObject({ state: 'prefill', total: 300 });
    });

    it('ends at an end token without telling it, and at the most tokens wanted', async () => {
      const whole = expected({ maxTokens: 40 });
      const last = whole[9]!;
      const events = await collect({ maxTokens: 40, endTokens: [last] });
      expect(tokensOf(events)).toEqual(whole.slice(0, whole.indexOf(last)));
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'stop' });
      expect(tokensOf(await collect({ maxTokens: 1 }))).toEqual(whole.slice(0, 1));
    });

    it('continues an answer where another stage left it', async () => {
      const sampling = { ...DEFAULT_SAMPLING, seed: 11, presencePenalty: 1, repetitionPenalty: 1.2 };
      const whole = tokensOf(await collect({ maxTokens: 16, sampling }));
      const tokens = [1, 2, 3, ...whole.slice(0, 6)];
      expect(tokensOf(await collect({ tokens, promptTokenCount: 3, maxTokens: 10, sampling }))).toEqual(whole.slice(6));
    });

    it('reports log-probabilities from the whole row', async () => {
      const events = await collect({ maxTokens: 2, sampling: { ...DEFAULT_SAMPLING, seed: 1, topLogprobs: 3 } });
      for (const event of events) {
        if (event.type === 'token') expect(event.logprobs?.top).toHaveLength(3);
      }
    });

    it('answers several at once, each as it would alone', async () => {
      const requests = Array.from({ length: 4 }, (_, index) => ({ tokens: [index + 1, 5], maxTokens: 12 }));
      const answers = await Promise.all(requests.map((one) => collect(one)));
      expect(answers.map(tokensOf)).toEqual(requests.map((one) => expected(one)));
      expect(contract.engine.usage().sequences).toBe(0);
    });

    it('frees the sequence of a request that is given up, and serves the next', async () => {
      const controller = new AbortController();
      const iterator = open({ maxTokens: 400 }, controller.signal);
      while ((await iterator.next()).value?.type !== 'token');
      controller.abort(new OpenGatewayError('client_gone', 'gone'));
      await settle();
      expect(contract.engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      expect(await codeOf(iterator.next())).toBe('client_gone');
      const { tokensTotal } = await process.client.stats();
      await settle();
      expect((await process.client.stats()).tokensTotal).toBe(tokensTotal);
      expect(tokensOf(await collect())).toEqual(expected());
    });

    it('frees the sequence of a consumer that leaves', async () => {
      const iterator = open({ maxTokens: 400 });
      while ((await iterator.next()).value?.type !== 'token');
      await iterator.return?.();
      await settle();
      expect(contract.engine.usage().sequences).toBe(0);
    });

    it('computes a bounded number of tokens for a consumer that stops pulling, and goes on when it pulls', async () => {
      const iterator = open({ maxTokens: 200 });
      await iterator.next();
      await settle();
      await settle();
      const { tokensTotal, active } = await process.client.stats();
      expect(tokensTotal).toBeLessThanOrEqual(CREDIT_WINDOW_TOKENS + 8);
      expect(active).toBe(1);
      const tokens: number[] = [];
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        if (next.value.type === 'token') tokens.push(next.value.token);
      }
      expect(tokens).toEqual(expected({ maxTokens: 200 }));
    });

    it.each([
      ['context_length_exceeded', { maxTokens: 50_000 }],
      ['invalid_generation', { tokens: [64] }],
      ['invalid_generation', { tokens: [] }],
    ])('refuses with %s what it could never compute, and serves the next', async (code, over) => {
      expect(await codeOf(collect(over))).toBe(code);
      expect(tokensOf(await collect())).toEqual(expected());
    });

    it('fails what the engine fails with a code, and serves the next when it works again', async () => {
      const running = open({ maxTokens: 400 });
      while ((await running.next()).value?.type !== 'token');
      contract.breakSteps(true);
      expect(await codeOf(drain(running))).toBe('engine_failed');
      expect(process.failures.length).toBeGreaterThan(0);
      contract.breakSteps(false);
      await settle();
      expect(contract.engine.usage().sequences).toBe(0);
      expect(tokensOf(await collect())).toEqual(expected());
    });

    it('refuses with engine_busy beyond its places and its queue, and serves everyone before', async () => {
      const room = contract.engine.info.maxSequences + DEFAULT_MAX_QUEUED_GENERATIONS;
      const outcomes = await Promise.all(
        Array.from({ length: room + 3 }, () => collect({ maxTokens: 4 }).then(tokensOf, errorCode)),
      );
      expect(outcomes.filter((outcome) => outcome === 'engine_busy')).toHaveLength(3);
      expect(outcomes.slice(0, room)).toEqual(Array.from({ length: room }, () => expected({ maxTokens: 4 })));
    });

    it('ends what runs and what waits with engine_failed when the model is unloaded', async () => {
      const many = Array.from({ length: contract.engine.info.maxSequences + 2 }, () => open({ maxTokens: 400 }));
      await Promise.all(many.map((iterator) => iterator.next()));
      await process.client.unload();
      const codes = await Promise.all(many.map((iterator) => codeOf(drain(iterator))));
      expect(new Set(codes)).toEqual(new Set(['engine_failed']));
      expect(contract.engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      expect(await codeOf(collect())).toBe('engine_failed');
    });
  });
}

const request = (over: Partial<GenerateRequest> = {}): GenerateRequest => ({
  tokens: [1, 2, 3],
  promptTokenCount: over.tokens?.length ?? 3,
  maxTokens: 12,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, seed: 7 },
  ...over,
});

const tokensOf = (events: readonly GenerateEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));

const codeOf = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => 'no error', errorCode);

const drain = async (iterator: AsyncIterator<GenerateEvent>): Promise<void> => {
  while (!(await iterator.next()).done);
};
