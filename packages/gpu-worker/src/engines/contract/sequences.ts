import { describe, expect, it } from 'vitest';
import type { Engine } from '../engine.ts';
import { alone, expectSameBits, rejection, step, type EngineBench } from './harness.ts';

export function describeSequences(bench: () => EngineBench): void {
  describe('sequences', () => {
    it('counts positions and reserves cache from open to close', async () => {
      const engine = await bench().create();
      const sequence = engine.open({ maxTokens: 64 });
      expect(engine.length(sequence)).toBe(0);
      expect(engine.usage().sequences).toBe(1);
      expect(engine.usage().kvReservedBytes).toBeGreaterThanOrEqual(64 * engine.info.kvBytesPerToken);
      const reserved = engine.usage();
      await step(engine, sequence, bench().randomTokens(10, 1), 'none');
      expect(engine.length(sequence)).toBe(10);
      expect(engine.usage()).toEqual(reserved);
      engine.close(sequence);
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
    });

    it('replays to the same bits after truncation', async () => {
      const engine = await bench().create();
      const tokens = bench().randomTokens(40, 2);
      const sequence = engine.open({ maxTokens: 40 });
      const expected = await step(engine, sequence, tokens, 'all-logits');
      const size = engine.info.architecture.vocabularySize;
      for (const length of [33, 17, 39, 1, 0]) {
        engine.truncate(sequence, length);
        expect(engine.length(sequence)).toBe(length);
        await step(engine, sequence, bench().randomTokens(40 - length, 3), 'none');
        engine.truncate(sequence, length);
        const replayed = await step(engine, sequence, tokens.subarray(length), 'all-logits');
        expectSameBits(replayed, expected.subarray(length * size));
      }
    });

    it('forgets what an earlier sequence left in its cache', async () => {
      const engine = await bench().create({ maxSequences: 1 });
      const tokens = bench().randomTokens(30, 4);
      const expected = await alone(engine, tokens, 'all-logits');
      await alone(engine, bench().randomTokens(100, 5), 'none');
      expectSameBits(await alone(engine, tokens, 'all-logits'), expected);
    });

    it('refuses with kv_cache_full when the budget is spent, and nothing changes', async () => {
      const { kvBytesPerToken } = (await bench().create()).info;
      const engine = await bench().create({ kvBudgetBytes: 96 * kvBytesPerToken });
      const undisturbed = await watch(engine, bench());
      const before = engine.usage();
      const refusal = catchError(() => engine.open({ maxTokens: 64 }));
      expect(refusal).toMatchObject({ code: 'kv_cache_full', retryable: true });
      expect(engine.usage()).toEqual(before);
      const second = engine.open({ maxTokens: 32 });
      expect(engine.usage().kvReservedBytes).toBeLessThanOrEqual(engine.info.kvBudgetBytes);
      expect(() => engine.open({ maxTokens: 1 })).toThrow(rejection('kv_cache_full') as Error);
      await undisturbed();
      engine.close(second);
      expect(engine.usage()).toEqual(before);
      engine.close(engine.open({ maxTokens: 32 }));
    });

    it('refuses with too_many_sequences beyond its places, and nothing changes', async () => {
      const engine = await bench().create({ maxSequences: 2 });
      expect(engine.info.maxSequences).toBe(2);
      const undisturbed = await watch(engine, bench());
      const second = engine.open({ maxTokens: 8 });
      const before = engine.usage();
      const refusal = catchError(() => engine.open({ maxTokens: 8 }));
      expect(refusal).toMatchObject({ code: 'too_many_sequences', retryable: true });
      expect(engine.usage()).toEqual(before);
      await undisturbed();
      engine.close(second);
      engine.close(engine.open({ maxTokens: 8 }));
    });

    it('refuses with context_length_exceeded what neither context nor reservation can hold', async () => {
      const engine = await bench().create();
      const { contextLength } = engine.info.architecture;
      expect(() => engine.open({ maxTokens: contextLength + 1 })).toThrow(
        rejection('context_length_exceeded') as Error,
      );
      expect(engine.usage().sequences).toBe(0);
      const undisturbed = await watch(engine, bench());
      const sequence = engine.open({ maxTokens: 20 });
      const tokens = bench().randomTokens(21, 6);
      await expect(step(engine, sequence, tokens, 'none')).rejects.toThrow(
        rejection('context_length_exceeded') as Error,
      );
      expect(engine.length(sequence)).toBe(0);
      await step(engine, sequence, tokens.subarray(1), 'none');
      await expect(step(engine, sequence, tokens.subarray(0, 1), 'none')).rejects.toThrow(
        rejection('context_length_exceeded') as Error,
      );
      expect(engine.length(sequence)).toBe(20);
      await undisturbed();
    });

    it('knows a handle only while it is open, and never gives it to another', async () => {
      const engine = await bench().create();
      const stale = engine.open({ maxTokens: 8 });
      engine.close(stale);
      const other = engine.open({ maxTokens: 8 });
      expect(other).not.toBe(stale);
      const notFound = rejection('sequence_not_found') as Error;
      expect(() => engine.length(stale)).toThrow(notFound);
      expect(() => engine.truncate(stale, 0)).toThrow(notFound);
      expect(() => engine.close(stale)).toThrow(notFound);
      await expect(step(engine, stale, Int32Array.of(1), 'none')).rejects.toThrow(notFound);
      expect(engine.length(other)).toBe(0);
      expect(engine.usage().sequences).toBe(1);
    });

    it('refuses lengths that make no sense with invalid_step', async () => {
      const engine = await bench().create();
      const sequence = engine.open({ maxTokens: 8 });
      await step(engine, sequence, bench().randomTokens(4, 7), 'none');
      const invalid = rejection('invalid_step') as Error;
      for (const length of [5, -1, 1.5, Number.NaN]) {
        expect(() => engine.truncate(sequence, length)).toThrow(invalid);
      }
      for (const maxTokens of [0, -1, 1.5, Number.NaN]) {
        expect(() => engine.open({ maxTokens })).toThrow(invalid);
      }
      expect(engine.length(sequence)).toBe(4);
      expect(engine.usage().sequences).toBe(1);
    });

    it('keeps nothing of a hundred sequences opened and closed', async () => {
      const engine = await bench().create();
      for (let round = 0; round < 100; round++) {
        const sequence = engine.open({ maxTokens: 16 + (round % 5) * 16 });
        await step(engine, sequence, bench().randomTokens(3, round), 'none');
        engine.close(sequence);
      }
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
    });

    it('closes every sequence when disposed, twice or not', async () => {
      const engine = await bench().create();
      const sequence = engine.open({ maxTokens: 8 });
      engine.dispose();
      engine.dispose();
      expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
      expect(() => engine.length(sequence)).toThrow(rejection('sequence_not_found') as Error);
    });
  });
}

/** Opens a sequence of 64 tokens, half computed; the returned check computes the rest as if nothing had happened. */
async function watch(engine: Engine, bench: EngineBench): Promise<() => Promise<void>> {
  const tokens = bench.randomTokens(64, 99);
  const expected = await alone(engine, tokens, 'last-logits');
  const sequence = engine.open({ maxTokens: 64 });
  await step(engine, sequence, tokens.subarray(0, 32), 'none');
  return async () => {
    expect(engine.length(sequence)).toBe(32);
    expectSameBits(await step(engine, sequence, tokens.subarray(32), 'last-logits'), expected);
  };
}

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return expect.fail('nothing was thrown');
}
