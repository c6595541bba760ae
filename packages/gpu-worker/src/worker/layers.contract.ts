import { DEFAULT_SAMPLING, HIDDEN_VALUE_BYTES, MAX_FRAME_POSITIONS, OpenGatewayError } from '@opengateway/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CREDIT_WINDOW_LAYER_EVENTS, MAX_WAITING_INPUTS } from '../scheduler/constants.ts';
import { createInProcessClient, type InProcessClient } from '../testing/in-process-client.ts';
import { runLayerChain } from '../testing/layer-chain.ts';
import { createTinyModel, type TinyModel } from '../testing/tiny-model.ts';
import {
  GREEDY,
  bytesOf,
  changed,
  codeOf,
  copy,
  prompt,
  request,
  take,
  token,
  withValue,
} from './layer-sequences.fixture.ts';
import type { EngineKind, GenerateEvent, HiddenStates, LayerRange, LayerRequest } from '@opengateway/core';
import type { CreateEngine } from '../engines/create-engine.ts';
import type { Engine } from '../engines/engine.ts';

export interface LayersContractOptions {
  readonly kind: EngineKind;
  /** Makes engines that hold any layers. */
  readonly create: CreateEngine;
}

/** A worker with some layers of the model, and its engine. */
interface Part {
  readonly process: InProcessClient;
  readonly engine: Engine;
  /** How many sequences each `forward` computed. */
  readonly batches: number[];
}

const LAYER_COUNT = 5;
const SPLITS = { two: [2, 5], three: [1, 3, 5], five: [1, 2, 3, 4, 5] };

const SEEDED = { ...DEFAULT_SAMPLING, seed: 9, temperature: 0.9, topP: 0.95, frequencyPenalty: 0.4 };

/**
 * What a chain relies on, whatever engine computes: workers that hold parts of a model, each fed with what the one
 * before made, give the tokens that a worker with all of it gives; and no sequence harms another.
 */
export function layersContract({ kind, create }: LayersContractOptions): void {
  describe(`layer sequences over ${kind}`, () => {
    let model: TinyModel;
    const parts = new Map<string, Part>();
    /** Ends what a test leaves open. */
    let ending: AbortController;
    const during = () => ending.signal;
    beforeEach(() => {
      ending = new AbortController();
    });
    afterEach(async () => {
      ending.abort();
      for (const { process } of parts.values()) await process.client.stats();
    });
    beforeAll(async () => {
      model = await createTinyModel({ architecture: { layerCount: LAYER_COUNT } });
    });
    afterAll(() => {
      for (const { process } of parts.values()) process[Symbol.dispose]();
    });

    const part = async (layers: LayerRange): Promise<Part> => {
      const key = `${layers.start}-${layers.end}`;
      const existing = parts.get(key);
      if (existing !== undefined) return existing;
      const batches: number[] = [];
      let engine: Engine | undefined;
      const process = createInProcessClient({
        createEngine: async (wanted, _components, init) => {
          engine = await create(wanted, { reader: model.createReader() }, init);
          const forward = engine.forward.bind(engine);
          engine.forward = (steps) => {
            batches.push(steps.length);
            return forward(steps);
          };
          return engine;
        },
      });
      const { manifest } = model;
      await process.client.load({ manifest, weights: { kind: 'directory', path: 'nowhere' }, engine: kind, layers });
      const made = { process, engine: engine!, batches };
      parts.set(key, made);
      return made;
    };
    const split = (ends: readonly number[]) =>
      Promise.all(ends.map((end, index) => part({ start: ends[index - 1] ?? 0, end })));
    const runnersOf = (chain: readonly Part[]) => chain.map(({ process }) => process.client.layers);

    /** What the whole model answers, and says of it. */
    const whole = async (wanted: LayerRequest): Promise<GenerateEvent[]> => {
      const { process } = await part({ start: 0, end: LAYER_COUNT });
      const events: GenerateEvent[] = [];
      for await (const event of process.client.generator.generate(wanted, { signal: during() })) events.push(event);
      return events;
    };
    const wholeTokens = async (wanted: LayerRequest) =>
      (await whole(wanted)).flatMap((event) => (event.type === 'token' ? [event.token] : []));
    /** Round trips to the worker: more than anything here needs to go on or to end. */
    const settle = async ({ process }: Part) => {
      for (let count = 0; count < 50; count++) await process.client.stats();
    };
    /** One sequence on the layers in the middle, and what it would be given for the request. */
    const middle = async () => {
      const [, between] = await split(SPLITS.three);
      const { hidden } = await runLayerChain(runnersOf(await split(SPLITS.three)), request());
      const run = (signal: AbortSignal = during()) =>
        between!.process.client.layers.run({ ...request(), tokens: [] }, { signal });
      return { between: between!, inputs: hidden[0]!, expected: hidden[1]!, run };
    };

    describe.each(Object.entries(SPLITS))('in %s parts', (_, ends) => {
      it.each([
        ['at temperature 0', GREEDY],
        ['with a seed', SEEDED],
      ])('gives the tokens of the whole model %s', async (__, sampling) => {
        const wanted = request({ sampling, tokens: prompt(40, 3), maxTokens: 24 });
        const { tokens, events } = await runLayerChain(runnersOf(await split(ends)), wanted);
        expect(tokens).toEqual(await wholeTokens(wanted));
        expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length' });
        const positions = events.flatMap((event) => (event.type === 'token' ? [event.position] : []));
        expect(positions).toEqual(Array.from({ length: 24 }, (___, index) => 40 + index));
      });

      it('answers several at once, each as it would alone, and lets them share the weights', async () => {
        const chain = await split(ends);
        for (const { batches } of chain) batches.length = 0;
        const requests = Array.from({ length: 6 }, (__, index) =>
          request({ tokens: prompt(3 + index * 11, index), sampling: { ...SEEDED, seed: index }, maxTokens: 16 }),
        );
        const answers = await Promise.all(requests.map((one) => runLayerChain(runnersOf(chain), one)));
        for (const [index, one] of requests.entries()) expect(answers[index]!.tokens).toEqual(await wholeTokens(one));
        for (const { batches, engine } of chain) {
          expect(Math.max(...batches)).toBeGreaterThan(1);
          expect(engine.usage().sequences).toBe(0);
        }
      });
    });

    it('gives the same bits whole and in parts of a part', async () => {
      const [first, second] = await split(SPLITS.two);
      const { hidden } = await runLayerChain(runnersOf([first!, second!]), request());
      const [one, two, last] = await split([1, 2, 5]);
      const finer = await runLayerChain(runnersOf([one!, two!, last!]), request());
      expect(bytesOf(finer.hidden[1]!)).toEqual(bytesOf(hidden[0]!));
    });

    it('computes the whole model by itself where it holds it', async () => {
      const { process } = await part({ start: 0, end: LAYER_COUNT });
      const { tokens } = await runLayerChain([process.client.layers], request({ sampling: SEEDED }));
      expect(tokens).toEqual(await wholeTokens(request({ sampling: SEEDED })));
    });

    it('ends at an end token without telling it, and reports log-probabilities, as the whole model does', async () => {
      const greedy = request({ maxTokens: 30, sampling: { ...GREEDY, topLogprobs: 3 } });
      const last = (await wholeTokens(greedy))[7]!;
      const wanted = { ...greedy, endTokens: [last] };
      const { events } = await runLayerChain(runnersOf(await split(SPLITS.three)), wanted);
      const told = events.flatMap((event) => (event.type === 'token' ? [[event.token, event.logprobs]] : []));
      const expected = (await whole(wanted)).flatMap((event) =>
        event.type === 'token' ? [[event.token, event.logprobs]] : [],
      );
      expect(told).toEqual(expected);
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'stop' });
    });

    it('continues an answer where another chain left it', async () => {
      const sampling = { ...SEEDED, presencePenalty: 1, repetitionPenalty: 1.2 };
      const answer = await wholeTokens(request({ sampling, maxTokens: 14 }));
      const tokens = [...request().tokens, ...answer.slice(0, 6)];
      const wanted = { ...request({ sampling, tokens, maxTokens: 8 }), promptTokenCount: request().tokens.length };
      expect((await runLayerChain(runnersOf(await split(SPLITS.three)), wanted)).tokens).toEqual(answer.slice(6));
    });

    it('gives the states of every position once, in order and in frames', async () => {
      const wanted = request({ tokens: prompt(450, 5), maxTokens: 6 });
      const { hidden } = await runLayerChain(runnersOf(await split(SPLITS.three)), wanted);
      for (const states of hidden) {
        let position = 0;
        for (const { count, format, payload, ...at } of states) {
          expect(at.position).toBe(position);
          expect(count).toBeLessThanOrEqual(MAX_FRAME_POSITIONS);
          expect(payload.byteLength).toBe(count * 64 * HIDDEN_VALUE_BYTES[format]);
          // The prompt's states never share a frame with the answer's.
          if (position < 450) expect(position + count).toBeLessThanOrEqual(450);
          position += count;
        }
        // The last token is chosen, never computed on.
        expect(position).toBe(450 + 5);
      }
    });

    it('answers over half the bytes with 16-bit states', async () => {
      const wanted = request({ format: 'f16', tokens: prompt(40, 3) });
      const { tokens, hidden } = await runLayerChain(runnersOf(await split(SPLITS.three)), wanted);
      expect(tokens).toHaveLength(wanted.maxTokens);
      expect(
        hidden.flat().every(({ format, payload, count }) => format === 'f16' && payload.byteLength === count * 128),
      ).toBe(true);
    });

    it('tells how far it is, and the time it spent in the engine', async () => {
      const wanted = request({ tokens: prompt(100, 1), maxTokens: 8 });
      const { events, sequences } = await runLayerChain(runnersOf(await split(SPLITS.two)), wanted);
      const progress = events.flatMap((event) => (event.type === 'progress' ? [event.done] : []));
      expect(events[0]).toEqual({ type: 'progress', state: 'prefill', done: 0, total: 100 });
      expect(progress).toEqual([...progress].sort((left, right) => left - right));
      expect(progress.at(-1)).toBe(100);
      for (const sequence of sequences) {
        const { prefillMs, decodeMs, decodeSteps } = sequence.timing();
        expect(decodeSteps).toBe(7);
        expect(prefillMs).toBeGreaterThan(0);
        expect(decodeMs).toBeGreaterThan(0);
      }
    });

    it('takes states in pieces of any size', async () => {
      const { inputs, expected, run } = await middle();
      const sequence = run();
      const rows = bytesOf(inputs.filter(({ position }) => position < 7));
      const giving = (async () => {
        for (let position = 0; position < 7; position++) {
          const payload = Uint8Array.from(rows.subarray(position * 256, (position + 1) * 256));
          await sequence.give({ type: 'hidden', position, count: 1, format: 'f32', payload });
        }
      })();
      const made = await take(sequence, 7);
      await giving;
      expect(bytesOf(made)).toEqual(bytesOf(expected.filter(({ position }) => position < 7)));
    });

    it('frees the sequence of a chain that is given up, also while it waits', async () => {
      const { between, inputs, run } = await middle();
      const controller = new AbortController();
      const sequence = run(controller.signal);
      await sequence.give(copy(inputs[0]!));
      await take(sequence, inputs[0]!.count);
      const pulling = sequence.events[Symbol.asyncIterator]().next();
      await settle(between);
      expect(between.engine.usage().sequences).toBe(1);
      controller.abort(new OpenGatewayError('chain_gone', 'gone'));
      expect(await codeOf(pulling)).toBe('chain_gone');
      await settle(between);
      expect(between.engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      await sequence.give(copy(inputs[0]!));
    });

    it.each(['before it pulled', 'while it waits', 'after an event'])(
      'frees the sequence of a consumer that leaves %s',
      async (when) => {
        const { between, run } = await middle();
        const iterator = run().events[Symbol.asyncIterator]();
        if (when !== 'before it pulled') await iterator.next();
        await settle(between);
        expect(between.engine.usage().sequences).toBe(1);
        const pulling = when === 'while it waits' ? iterator.next() : undefined;
        await iterator.return?.();
        await pulling;
        await settle(between);
        expect(between.engine.usage().sequences).toBe(0);
      },
    );

    it('keeps nothing of a hundred sequences opened and given up', async () => {
      const { between, inputs, run } = await middle();
      for (let round = 0; round < 100; round++) {
        const controller = new AbortController();
        const sequence = run(controller.signal);
        if (round % 3 > 0) await sequence.give(copy(inputs[0]!));
        if (round % 3 > 1) await sequence.events[Symbol.asyncIterator]().next();
        controller.abort();
      }
      await settle(between);
      expect(between.engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      expect(await between.process.client.stats()).toMatchObject({ active: 0, queued: 0 });
    });

    it('computes and takes a bounded amount for a consumer that does not pull', async () => {
      const { between, inputs } = await middle();
      const before = await between.process.client.stats();
      const tokens = prompt(100, 1);
      const sequence = between.process.client.layers.run(
        { ...request({ tokens, maxTokens: 4 }), tokens: [] },
        { signal: during() },
      );
      let given = 0;
      const giving = (async () => {
        for (let position = 0; position < 100; position++) {
          const payload = inputs[0]!.payload.slice(0, 256);
          await sequence.give({ type: 'hidden', position, count: 1, format: 'f32', payload });
          given++;
          await settle(between);
        }
      })();
      await settle(between);
      let last = -1;
      while (given > last) {
        last = given;
        for (let count = 0; count < 4; count++) await settle(between);
      }
      const { prefillTokensTotal } = await between.process.client.stats();
      expect(prefillTokensTotal - before.prefillTokensTotal).toBe(CREDIT_WINDOW_LAYER_EVENTS);
      expect(given).toBeLessThan(CREDIT_WINDOW_LAYER_EVENTS + MAX_WAITING_INPUTS);
      expect((await take(sequence, 100)).at(-1)!.position).toBe(99);
      await giving;
    }, 20_000);

    it.each<[string, (input: HiddenStates) => HiddenStates]>([
      ['too few bytes', (input) => ({ ...input, payload: input.payload.slice(4) })],
      ['too many bytes', (input) => ({ ...input, payload: new Uint8Array(input.payload.length + 4) })],
      ['bytes of another format', changed({ format: 'f16' })],
      ['a value that is infinite', (input) => withValue(input, Number.POSITIVE_INFINITY)],
      ['a value that is no number', (input) => withValue(input, Number.NaN)],
      ['no positions', changed({ count: 0, payload: new Uint8Array(0) })],
      ['half a position', changed({ count: 0.5, payload: new Uint8Array(128) })],
      ['more positions than a frame has', changed({ count: 257, payload: new Uint8Array(257 * 256) })],
      ['another place', changed({ position: 1 })],
    ])('refuses %s, computes nothing of it, and lets others go on', async (_, spoil) => {
      const { between, inputs, expected, run } = await middle();
      const beside = run();
      await beside.give(copy(inputs[0]!));
      const bad = run();
      const before = await between.process.client.stats();
      await bad.give(spoil(copy(inputs[0]!)));
      expect(await codeOf(take(bad, 1))).toBe('invalid_input');
      expect(bytesOf(await take(beside, inputs[0]!.count))).toEqual(
        bytesOf(expected.filter(({ position }) => position < inputs[0]!.count)),
      );
      const { prefillTokensTotal } = await between.process.client.stats();
      expect(prefillTokensTotal - before.prefillTokensTotal).toBeLessThanOrEqual(inputs[0]!.count);
      // What is given after it is let go.
      await bad.give(copy(inputs[0]!));
    });

    it('refuses what belongs to another kind of stage', async () => {
      const { run, inputs } = await middle();
      const between = run();
      await between.give({ type: 'token', position: 0, token: 1 });
      expect(await codeOf(take(between, 1))).toBe('invalid_input');
      const [start] = await split(SPLITS.three);
      const runFirst = () => start!.process.client.layers.run(request(), { signal: during() });
      const wrong = [copy(inputs[0]!), token(7, 320), token(7, -1), token(7, 0.5), token(8, 1), token(6, 1)];
      for (const input of wrong) {
        const sequence = runFirst();
        await sequence.give(input);
        expect(await codeOf(take(sequence, 100))).toBe('invalid_input');
      }
      const all = (await part({ start: 0, end: LAYER_COUNT })).process.client.layers.run(request(), {
        signal: during(),
      });
      await all.give(token(7, 1));
      expect(await codeOf(take(all, 1))).toBe('invalid_input');
    });

    it.each([
      ['context_length_exceeded', { maxTokens: 5_000 }],
      ['invalid_generation', { maxTokens: 0 }],
      ['invalid_generation', { tokenCount: 8 }],
      ['invalid_generation', { tokens: [320], tokenCount: 1 }],
    ])('refuses with %s what it could never compute', async (code, over) => {
      const [start] = await split(SPLITS.three);
      const refused = start!.process.client.layers.run({ ...request(), ...over }, { signal: during() });
      expect(await codeOf(take(refused, 1))).toBe(code);
    });

    it('answers no whole request on part of a model', async () => {
      const [start] = await split(SPLITS.three);
      const events = start!.process.client.generator.generate(request(), { signal: during() });
      expect(await codeOf(events[Symbol.asyncIterator]().next())).toBe('invalid_generation');
    });

    it('ends with engine_failed when the model is unloaded, and nobody waits for ever', async () => {
      const { inputs } = await middle();
      const alone = await part({ start: 1, end: 4 });
      const sequence = alone.process.client.layers.run({ ...request(), tokens: [] }, { signal: during() });
      await settle(alone);
      await alone.process.client.unload();
      const giving = (async () => {
        for (let count = 0; count < 2 * MAX_WAITING_INPUTS; count++) await sequence.give(copy(inputs[0]!));
      })();
      expect(await codeOf(take(sequence, 1))).toBe('engine_failed');
      await giving;
    });
  });
}
