import type { ModelArchitecture } from '@opengateway/core';
import type { EngineOutput, EngineStep } from '../engine.ts';
import { Activations } from './activations.ts';
import { scoresStride, type JobMemory } from './job-memory.ts';
import type { Kernels } from './kernels.ts';
import { PAGE_POSITIONS, type CachedSequence } from './kv-pages.ts';
import type { Matrix } from './matrix.ts';
import type { LinearMemory } from './memory.ts';
import type { LayerWeights, Weights } from './weights.ts';

/** A checked step with its sequence and token count. */
export interface PassSegment {
  readonly step: EngineStep;
  readonly tokens: number;
  readonly sequence: CachedSequence;
}

const NOTHING = new Float32Array(0);

/**
 * One pass over the layers for all tokens of a forward. All scratch is taken at the start, so that a token
 * allocates nothing but its output's view.
 */
export class ForwardPass {
  readonly #kernels: Kernels;
  readonly #memory: LinearMemory;
  readonly #weights: Weights;
  readonly #architecture: ModelArchitecture;
  readonly #hidden: Activations;
  readonly #normed: Activations;
  readonly #attended: Activations;
  readonly #gate: Activations;
  readonly #query: number;
  readonly #key: number;
  readonly #value: number;
  readonly #up: number;
  readonly #delta: number;
  readonly #ropeTables: number;
  readonly #scoresStride: number;
  readonly #sharedScores: number;
  readonly #layerBytes: number;
  #logits: { address: number; rows: number } = { address: 0, rows: 0 };
  #output = new Float32Array(0);

  constructor(
    { kernels, memory, weights, jobs }: { kernels: Kernels; memory: LinearMemory; weights: Weights; jobs: JobMemory },
    architecture: ModelArchitecture,
    { maxBatchTokens, maxSequences }: { maxBatchTokens: number; maxSequences: number },
  ) {
    const { hiddenSize, feedForwardSize, headSize, queryHeadCount, keyValueHeadCount } = architecture;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#weights = weights;
    this.#architecture = architecture;
    const activations = (columns: number) => new Activations(kernels, memory, maxBatchTokens, columns);
    const floats = (columns: number) => memory.allocate(maxBatchTokens * columns * 4);
    this.#hidden = activations(hiddenSize);
    this.#normed = activations(hiddenSize);
    this.#attended = activations(queryHeadCount * headSize);
    this.#gate = activations(feedForwardSize);
    this.#query = floats(queryHeadCount * headSize);
    this.#key = floats(keyValueHeadCount * headSize);
    this.#value = floats(keyValueHeadCount * headSize);
    this.#up = floats(feedForwardSize);
    this.#delta = floats(hiddenSize);
    this.#ropeTables = floats(architecture.ropeDimensionCount * 2);
    this.#scoresStride = scoresStride(architecture);
    this.#sharedScores = jobs.sharedScores;
    this.#layerBytes = keyValueHeadCount * headSize * 2 * 2 * PAGE_POSITIONS;
    if (weights.head) this.#reserveLogits(maxSequences, weights.head.output);
  }

  /** Computes all segments, advances their sequences and returns what each step asked for. */
  run(segments: readonly PassSegment[]): EngineOutput[] {
    let tokens = 0;
    for (const segment of segments) {
      this.#writeInput(segment, tokens);
      tokens += segment.tokens;
    }
    for (let layer = 0; layer < this.#weights.layers.length; layer++) {
      this.#layer(this.#weights.layers[layer]!, layer, segments, tokens);
    }
    for (const { sequence, tokens: count } of segments) sequence.length += count;
    return this.#outputs(segments);
  }

  #writeInput({ step, tokens, sequence }: PassSegment, firstRow: number): void {
    const { hiddenSize, ropeDimensionCount, ropeBase, ropeLayout } = this.#architecture;
    const { rowBytes, address } = this.#hidden;
    if (step.input instanceof Float32Array) {
      this.#memory.floats(address + firstRow * rowBytes, tokens * hiddenSize).set(step.input);
    } else {
      const embedding = this.#weights.embedding!;
      const embed = this.#kernels[embedding.format.embed];
      for (let index = 0; index < tokens; index++) {
        embed(embedding.address, step.input[index]!, embedding.units, address + (firstRow + index) * rowBytes);
      }
    }
    for (let index = 0; index < tokens; index++) {
      const table = this.#ropeTables + (firstRow + index) * ropeDimensionCount * 8;
      this.#kernels.ropeTable(table, sequence.length + index, ropeBase, ropeDimensionCount, ropeLayout === 'halves');
    }
  }

  #layer(weights: LayerWeights, layer: number, segments: readonly PassSegment[], tokens: number): void {
    const { hiddenSize, feedForwardSize, rmsNormEpsilon } = this.#architecture;
    const hidden = this.#hidden.address;
    this.#kernels.rmsNorm(hidden, weights.attentionNorm, this.#normed.address, hiddenSize, tokens, rmsNormEpsilon);
    this.#normed.changed();
    this.#normed.addProduct(weights.query, this.#query, tokens, weights.query.rows * 4);
    this.#normed.addProduct(weights.key, this.#key, tokens, weights.key.rows * 4);
    this.#normed.addProduct(weights.value, this.#value, tokens, weights.value.rows * 4);
    this.#kernels.runJobs();
    this.#expect(weights.attentionOutput);
    this.#attend(layer, segments);
    this.#attended.changed();
    this.#attended.addProduct(weights.attentionOutput, this.#delta, tokens, hiddenSize * 4);
    this.#expect(weights.gate, weights.up);
    this.#kernels.runJobs();
    this.#kernels.addInPlace(hidden, this.#delta, tokens * hiddenSize);

    this.#kernels.rmsNorm(hidden, weights.feedForwardNorm, this.#normed.address, hiddenSize, tokens, rmsNormEpsilon);
    this.#normed.changed();
    this.#normed.addProduct(weights.gate, this.#gate.address, tokens, feedForwardSize * 4);
    this.#normed.addProduct(weights.up, this.#up, tokens, feedForwardSize * 4);
    this.#expect(weights.down);
    this.#kernels.runJobs();
    this.#kernels.addSwiglu(this.#gate.address, this.#up, tokens * feedForwardSize);
    this.#kernels.runJobs();
    this.#gate.changed();
    this.#gate.addProduct(weights.down, this.#delta, tokens, hiddenSize * 4);
    const next = this.#weights.layers[layer + 1];
    if (next) this.#expect(next.query, next.value);
    else if (this.#weights.head) this.#expect(this.#weights.head.output);
    this.#kernels.runJobs();
    this.#kernels.addInPlace(hidden, this.#delta, tokens * hiddenSize);
  }

  /** Matrices that the next `runJobs` will read, from `first` to `last` as they were loaded one after the other. */
  #expect(first: Matrix, last = first): void {
    this.#kernels.expectWeights(first.address, last.address + last.bytes - first.address);
  }

  /** Turns queries and keys, stores keys and values, then attends: causal, since a position looks no further than itself. */
  #attend(layer: number, segments: readonly PassSegment[]): void {
    const { headSize, queryHeadCount, keyValueHeadCount, ropeDimensionCount, ropeLayout } = this.#architecture;
    const queryBytes = queryHeadCount * headSize * 4;
    const keyBytes = keyValueHeadCount * headSize * 4;
    const offset = layer * this.#layerBytes;
    const halves = ropeLayout === 'halves';
    let row = 0;
    for (const { sequence, tokens } of segments) {
      for (let index = 0; index < tokens; index++) {
        const position = sequence.length + index;
        const query = this.#query + (row + index) * queryBytes;
        const key = this.#key + (row + index) * keyBytes;
        const table = this.#ropeTables + (row + index) * ropeDimensionCount * 8;
        const page = sequence.addresses[Math.floor(position / PAGE_POSITIONS)]! + offset;
        this.#kernels.rope(query, table, queryHeadCount, headSize, ropeDimensionCount, halves);
        this.#kernels.rope(key, table, keyValueHeadCount, headSize, ropeDimensionCount, halves);
        const value = this.#value + (row + index) * keyBytes;
        this.#kernels.storeKeyValue(page, position % PAGE_POSITIONS, key, value, keyValueHeadCount, headSize);
      }
      this.#kernels.addAttention(
        this.#query + row * queryBytes,
        sequence.table,
        offset,
        this.#scoresStride,
        this.#attended.address + row * queryBytes,
        keyValueHeadCount,
        queryHeadCount / keyValueHeadCount,
        headSize,
        sequence.length + 1,
        tokens,
        segments.length === 1 ? this.#sharedScores : 0,
      );
      row += tokens;
    }
    this.#kernels.runJobs();
  }

  #outputs(segments: readonly PassSegment[]): EngineOutput[] {
    const { hiddenSize, vocabularySize } = this.#architecture;
    const sizes = segments.map(({ step: { output }, tokens }) => {
      if (output === 'none') return 0;
      if (output === 'hidden') return tokens * hiddenSize;
      return (output === 'last-logits' ? 1 : tokens) * vocabularySize;
    });
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (this.#output.length < total) this.#output = new Float32Array(total);

    const logits = this.#logitsOf(segments);
    let row = 0;
    let logitsRow = 0;
    let start = 0;
    return segments.map(({ step: { output }, tokens }, index) => {
      const size = sizes[index]!;
      const values = size === 0 ? NOTHING : this.#output.subarray(start, start + size);
      if (output === 'hidden') {
        values.set(this.#memory.floats(this.#hidden.address + row * this.#hidden.rowBytes, size));
      } else if (output !== 'none') {
        const rows = size / vocabularySize;
        for (let copied = 0; copied < rows; copied++, logitsRow++) {
          const source = this.#memory.floats(logits.address + logitsRow * logits.rowBytes, vocabularySize);
          values.set(source, copied * vocabularySize);
        }
      }
      row += tokens;
      start += size;
      return { values };
    });
  }

  /** Final norm and output matrix for the positions whose logits are asked for, packed to the front. */
  #logitsOf(segments: readonly PassSegment[]): { address: number; rowBytes: number } {
    const { head } = this.#weights;
    const { hiddenSize, rmsNormEpsilon } = this.#architecture;
    const { address, rowBytes } = this.#hidden;
    if (!head) return { address: 0, rowBytes: 0 };
    let row = 0;
    let rows = 0;
    for (const {
      step: { output },
      tokens,
    } of segments) {
      if (output === 'last-logits' || output === 'all-logits') {
        const first = output === 'last-logits' ? row + tokens - 1 : row;
        const count = row + tokens - first;
        const out = this.#normed.address + rows * rowBytes;
        this.#kernels.rmsNorm(address + first * rowBytes, head.norm, out, hiddenSize, count, rmsNormEpsilon);
        rows += count;
      }
      row += tokens;
    }
    const logitsBytes = head.output.paddedRows * 4;
    if (rows > 0) {
      if (rows > this.#logits.rows) this.#reserveLogits(rows, head.output);
      this.#normed.changed();
      this.#normed.addProduct(head.output, this.#logits.address, rows, logitsBytes);
      this.#kernels.runJobs();
    }
    return { address: this.#logits.address, rowBytes: logitsBytes };
  }

  #reserveLogits(rows: number, output: Matrix): void {
    this.#logits = { address: this.#memory.allocate(rows * output.paddedRows * 4), rows };
  }
}
