import { OpenGatewayError } from '@opengateway/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTinyModel, type TinyModelOptions } from '../../testing/tiny-model.ts';
import { compareLogits } from '../compare-logits.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { assertBatchInvariance } from './batch-invariance.ts';
import { EngineBench, alone, expectSameBits, rejection, step, type CreateEngine } from './harness.ts';
import { BROKEN_TOKEN_STEPS, expectRefusal } from './steps.ts';
import type { SequenceId } from '../engine.ts';
import type { Closeness } from './computation.ts';

export interface WholeModelContractOptions {
  readonly name: string;
  /** Makes a fresh engine of the whole model; the suite disposes it. */
  readonly create: CreateEngine;
  readonly closeness: Omit<Closeness, 'hiddenCosine'>;
  /** @default {} */
  readonly model?: TinyModelOptions;
  /** Random schedules of the split-invariance property. @default 25 */
  readonly runs?: number;
}

/**
 * What of the engines' contract one can ask of an engine that has whole models and one sequence only:
 * everything but layer ranges, hidden states and neighbours.
 */
export function wholeModelContract({ name, create, closeness, model, runs = 25 }: WholeModelContractOptions): void {
  describe(`${name} engine, whole models, one sequence`, () => {
    let bench: EngineBench;
    beforeAll(async () => {
      bench = new EngineBench(await createTinyModel(model), create);
    });
    afterEach(() => bench.disposeAll());

    it('describes itself, and declares one place whatever is asked of it', async () => {
      const { info } = await bench.create({ maxSequences: 8, kvBudgetBytes: 1_000_000 });
      expect(info.layers).toEqual({ start: 0, end: bench.layerCount });
      expect(info.architecture).toEqual(bench.model.manifest.architecture);
      expect(info.maxSequences).toBe(1);
      expect(info.kvBudgetBytes).toBeLessThanOrEqual(1_000_000);
      for (const count of [info.weightBytes, info.kvBytesPerToken, info.maxBatchTokens]) {
        expect(count).toBeGreaterThan(0);
      }
      expect(info.variant).not.toBe('');
    });

    it('reports progress that grows up to the total', async () => {
      const progress: (readonly [number, number])[] = [];
      await bench.create({ onProgress: (done, total) => progress.push([done, total]) });
      const done = progress.map(([bytes]) => bytes);
      expect(new Set(progress.map(([, total]) => total)).size).toBe(1);
      expect(done).toEqual([...done].sort((left, right) => left - right));
      expect(done.at(-1)).toBe(progress[0]![1]);
      expect(done.at(-1)).toBeGreaterThan(0);
    });

    it('refuses to be a part of a model', async () => {
      for (const layers of [
        { start: 0, end: bench.layerCount - 1 },
        { start: 1, end: bench.layerCount },
        { start: 0, end: bench.layerCount + 1 },
      ]) {
        await expect(bench.create({ layers })).rejects.toMatchObject({ code: 'unsupported_model' });
      }
    });

    it('does not load when aborted, and gives the reason', async () => {
      const reason = new OpenGatewayError('changed_mind', 'Another model is wanted.');
      await expect(bench.create({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    it('counts positions and reserves cache from open to close', async () => {
      const engine = await bench.create();
      const sequence = engine.open({ maxTokens: 64 });
      expect(engine.length(sequence)).toBe(0);
      expect(engine.usage().kvReservedBytes).toBeGreaterThanOrEqual(64 * engine.info.kvBytesPerToken);
      const reserved = engine.usage();
      await step(engine, sequence, bench.randomTokens(10, 1), 'none');
      expect(engine.length(sequence)).toBe(10);
      expect(engine.usage()).toEqual(reserved);
      engine.close(sequence);
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
    });

    it('refuses a second sequence until the first is closed, and nothing changes', async () => {
      const engine = await bench.create();
      const tokens = bench.randomTokens(64, 99);
      const expected = await alone(engine, tokens, 'last-logits');
      const sequence = engine.open({ maxTokens: 64 });
      await step(engine, sequence, tokens.subarray(0, 32), 'none');
      const before = engine.usage();
      expect(() => engine.open({ maxTokens: 8 })).toThrow(
        expect.objectContaining({ code: 'too_many_sequences', retryable: true }),
      );
      expect(engine.usage()).toEqual(before);
      expectSameBits(await step(engine, sequence, tokens.subarray(32), 'last-logits'), expected);
      engine.close(sequence);
      engine.close(engine.open({ maxTokens: 8 }));
    });

    it('refuses with kv_cache_full what its cache cannot hold', async () => {
      const { kvBytesPerToken } = (await bench.create()).info;
      const engine = await bench.create({ kvBudgetBytes: 96 * kvBytesPerToken });
      expect(() => engine.open({ maxTokens: 97 })).toThrow(
        expect.objectContaining({ code: 'kv_cache_full', retryable: true }),
      );
      engine.close(engine.open({ maxTokens: 96 }));
    });

    it('refuses with context_length_exceeded what neither context nor reservation can hold', async () => {
      const engine = await bench.create();
      const { contextLength } = engine.info.architecture;
      const exceeded = rejection('context_length_exceeded') as Error;
      expect(() => engine.open({ maxTokens: contextLength + 1 })).toThrow(exceeded);
      const sequence = engine.open({ maxTokens: 20 });
      const tokens = bench.randomTokens(21, 6);
      await expect(step(engine, sequence, tokens, 'none')).rejects.toThrow(exceeded);
      expect(engine.length(sequence)).toBe(0);
      await step(engine, sequence, tokens.subarray(1), 'none');
      await expect(step(engine, sequence, tokens.subarray(0, 1), 'none')).rejects.toThrow(exceeded);
      expect(engine.length(sequence)).toBe(20);
    });

    it('forgets what an earlier sequence left in its cache, and what it cut off', async () => {
      const engine = await bench.create();
      const tokens = bench.randomTokens(40, 2);
      const expected = await alone(engine, tokens, 'all-logits');
      await alone(engine, bench.randomTokens(100, 5), 'none');
      const size = engine.info.architecture.vocabularySize;
      const sequence = engine.open({ maxTokens: 40 });
      expectSameBits(await step(engine, sequence, tokens, 'all-logits'), expected);
      for (const length of [33, 17, 39, 1, 0]) {
        engine.truncate(sequence, length);
        expect(engine.length(sequence)).toBe(length);
        await step(engine, sequence, bench.randomTokens(40 - length, 3), 'none');
        engine.truncate(sequence, length);
        const replayed = await step(engine, sequence, tokens.subarray(length), 'all-logits');
        expectSameBits(replayed, expected.subarray(length * size));
      }
    });

    it('knows a handle only while it is open, and never gives it to another', async () => {
      const engine = await bench.create();
      const stale = engine.open({ maxTokens: 8 });
      engine.close(stale);
      const other = engine.open({ maxTokens: 8 });
      expect(other).not.toBe(stale);
      const notFound = rejection('sequence_not_found') as Error;
      expect(() => engine.length(stale)).toThrow(notFound);
      expect(() => engine.truncate(stale, 0)).toThrow(notFound);
      expect(() => engine.close(stale)).toThrow(notFound);
      await expect(step(engine, stale, Int32Array.of(1), 'none')).rejects.toThrow(notFound);
      await expect(step(engine, 987_654_321 as SequenceId, Int32Array.of(1), 'none')).rejects.toThrow(notFound);
    });

    it('refuses lengths that make no sense with invalid_step', async () => {
      const engine = await bench.create();
      const invalid = rejection('invalid_step') as Error;
      for (const maxTokens of [0, -1, 1.5, Number.NaN]) expect(() => engine.open({ maxTokens })).toThrow(invalid);
      const sequence = engine.open({ maxTokens: 8 });
      await step(engine, sequence, bench.randomTokens(4, 7), 'none');
      for (const length of [5, -1, 1.5, Number.NaN]) expect(() => engine.truncate(sequence, length)).toThrow(invalid);
      expect(engine.length(sequence)).toBe(4);
    });

    it('computes nothing for no steps', async () => {
      expect(await (await bench.create()).forward([])).toEqual([]);
    });

    it.each(Object.entries(BROKEN_TOKEN_STEPS))('refuses %s, and nothing changes', async (_, broken) => {
      await expectRefusal(await bench.create(), bench.randomTokens(24, 1), broken);
    });

    it('refuses to tell hidden states, and nothing changes', async () => {
      await expectRefusal(await bench.create(), bench.randomTokens(24, 1), (__, sequence, tokens) => [
        { sequence, input: tokens, output: 'hidden' },
      ]);
    });

    it('gives a position the same bits however a conversation is split', async () => {
      const engine = await bench.create();
      await assertBatchInvariance(engine, { conversations: [Array.from(bench.randomTokens(40, 1))], runs });
      expect(engine.usage().sequences).toBe(0);
    });

    it('stays close to the reference', async () => {
      const engine = await bench.create();
      const tokens = bench.randomTokens(64, 11);
      const layers = { start: 0, end: bench.layerCount };
      const reference = await createReferenceEngine({ reader: bench.model.createReader() }, { layers });
      const { meanKl, topAgreement } = compareLogits(
        await alone(reference, tokens, 'all-logits'),
        await alone(engine, tokens, 'all-logits'),
        engine.info.architecture.vocabularySize,
      );
      expect(meanKl).toBeLessThanOrEqual(closeness.meanKl);
      expect(topAgreement).toBeGreaterThanOrEqual(closeness.topAgreement);
    });

    it('keeps nothing of a hundred sequences opened and closed', async () => {
      const engine = await bench.create();
      for (let round = 0; round < 100; round++) {
        const sequence = engine.open({ maxTokens: 16 + (round % 5) * 16 });
        await step(engine, sequence, bench.randomTokens(3, round), 'none');
        engine.close(sequence);
      }
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
    });

    it('closes its sequence when disposed, twice or not', async () => {
      const engine = await bench.create();
      const sequence = engine.open({ maxTokens: 8 });
      engine.dispose();
      engine.dispose();
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      expect(() => engine.length(sequence)).toThrow(rejection('sequence_not_found') as Error);
    });
  });
}
