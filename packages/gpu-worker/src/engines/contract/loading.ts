import { OpenGatewayError, type TensorInfo, type TensorReader } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import type { EngineBench } from './harness.ts';

export function describeLoading(bench: () => EngineBench): void {
  describe('loading', () => {
    it('describes itself', async () => {
      const layers = { start: 1, end: bench().layerCount };
      const { info } = await bench().create({ layers, maxSequences: 3, kvBudgetBytes: 1_000_000 });
      expect(info.layers).toEqual(layers);
      expect(info.architecture).toEqual(bench().model.manifest.architecture);
      expect(info.maxSequences).toBe(3);
      expect(info.kvBudgetBytes).toBeLessThanOrEqual(1_000_000);
      for (const count of [info.weightBytes, info.kvBytesPerToken, info.maxBatchTokens]) {
        expect(count).toBeGreaterThan(0);
      }
      expect(info.variant).not.toBe('');
    });

    it('reports progress that grows up to the total', async () => {
      const progress: (readonly [number, number])[] = [];
      await bench().create({ onProgress: (done, total) => progress.push([done, total]) });
      const done = progress.map(([bytes]) => bytes);
      const totals = new Set(progress.map(([, total]) => total));
      expect(totals.size).toBe(1);
      expect(done).toEqual([...done].sort((left, right) => left - right));
      expect(done.at(-1)).toBe([...totals][0]);
      expect(done.at(-1)).toBeGreaterThan(0);
    });

    it('reads only the tensors of its range', async () => {
      const reader = bench().model.createReader();
      await bench().create({ reader, layers: { start: 1, end: 2 } });
      const allowed = bench().layerCount === 2 ? /^(blk\.1\.|output|token_embd)/ : /^blk\.1\./;
      expect(reader.reads.filter((name) => !allowed.test(name))).toEqual([]);
      expect(reader.reads.length).toBeGreaterThan(0);
    });

    it('refuses a range that the model does not have', async () => {
      for (const layers of [
        { start: 0, end: bench().layerCount + 1 },
        { start: 2, end: 2 },
        { start: -1, end: 1 },
      ]) {
        await expect(bench().create({ layers })).rejects.toMatchObject({ code: 'unsupported_model' });
      }
    });

    it('refuses a model that lacks a tensor', async () => {
      const reader = bench().model.createReader();
      const tensors = reader.manifest.tensors.filter(({ name }) => name !== 'blk.1.ffn_up.weight');
      const lacking = { ...reader, manifest: { ...reader.manifest, tensors } };
      await expect(bench().create({ reader: lacking })).rejects.toMatchObject({ code: 'unsupported_model' });
    });

    it('refuses a model with a tensor it would have to ignore', async () => {
      const reader = bench().model.createReader();
      const bias = { ...reader.manifest.tensors.find(({ type }) => type === 'F32')!, name: 'blk.0.attn_q.bias' };
      const biased = { ...reader, manifest: { ...reader.manifest, tensors: [...reader.manifest.tensors, bias] } };
      await expect(bench().create({ reader: biased })).rejects.toMatchObject({ code: 'unsupported_model' });
    });

    it('fails with what the reader fails with', async () => {
      const failure = new OpenGatewayError('chunk_hash_mismatch', 'Chunk 0 is not what it should be.');
      const reader = onThirdRead(bench().model.createReader(), () => {
        throw failure;
      });
      await expect(bench().create({ reader })).rejects.toBe(failure);
    });

    it('stops loading when aborted, with the reason', async () => {
      const reason = new OpenGatewayError('changed_mind', 'Another model is wanted.');
      await expect(bench().create({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const controller = new AbortController();
      const recorder = bench().model.createReader();
      const reader = onThirdRead(recorder, () => controller.abort(reason));
      await expect(bench().create({ reader, signal: controller.signal })).rejects.toBe(reason);
      expect(recorder.reads.length).toBeLessThan(bench().model.manifest.tensors.length);
    });
  });
}

function onThirdRead(reader: TensorReader, action: () => void): TensorReader {
  let reads = 0;
  return {
    manifest: reader.manifest,
    async read(tensor: TensorInfo, offset: number, length: number, options?: { signal?: AbortSignal }) {
      const bytes = await reader.read(tensor, offset, length, options);
      if (++reads === 3) action();
      return bytes;
    },
  };
}
