import { MATVEC_TOKENS } from './constants.ts';
import { arithmeticFor, type Arithmetic } from './kernels/arithmetic.ts';
import { matmul, matmulGroups, type MatmulParameters } from './kernels/matmul.wgsl.ts';
import { matvecGroups, type MatvecParameters } from './kernels/matvec-plan.ts';
import { matvec } from './kernels/matvec.wgsl.ts';
import { norm } from './kernels/norm.wgsl.ts';
import { shapeWords } from './kernels/product-shape.ts';
import { quantize, quantizeGroups } from './kernels/quantize.wgsl.ts';
import type { RowSource } from './kernels/step-layout.ts';
import { swiglu, swigluGroups } from './kernels/swiglu.wgsl.ts';
import type { MatrixPart } from './matrix.ts';
import type { Binding, PipelineCache } from './pipelines.ts';
import type { BoundKernel, Recorder } from './recorder.ts';
import type { Uniforms } from './uniforms.ts';
import type { KernelVariant } from './variant.ts';

/** Scratch that products share: a product leaves nothing in it. */
export interface ProductScratch {
  /** Normalised activations. */
  readonly normed: GPUBuffer;
  readonly up: GPUBuffer;
  /** Activations as bytes, and their scales. */
  readonly bytes: GPUBuffer;
  readonly byteScales: GPUBuffer;
}

export interface ProductInit {
  /** One matrix per part, or gate and up. */
  readonly parts: readonly { readonly matrices: readonly MatrixPart[]; readonly offset: number }[];
  readonly input: GPUBuffer;
  readonly norm: { readonly weight: GPUBuffer; readonly epsilon: number } | null;
  readonly output: GPUBuffer;
  readonly outputStride: number;
  readonly mode: 'store' | 'add';
  readonly source: RowSource;
  readonly recordWords: number;
}

export interface ProductComponents {
  readonly pipelines: PipelineCache;
  /** The forward's step buffer. */
  readonly step: GPUBuffer;
  readonly scratch: ProductScratch;
  readonly uniforms: Uniforms;
}

/** Tokens and rows per thread of the tiles, smallest first; a batch takes the first that holds it, else the last. */
const TILES = [
  { tokens: 8, rowsPerThread: 1 },
  { tokens: 32, rowsPerThread: 4 },
] as const;

type Dispatch = (recorder: Recorder, count: number) => void;

/**
 * One product of activations with stacked matrices, with the norm before it and what comes after it: few
 * rows by `matvec` in one dispatch per part, more by `matmul`. The bits of a row are the same either way.
 */
export class Product {
  readonly #pipelines: PipelineCache;
  readonly #step: GPUBuffer;
  readonly #scratch: ProductScratch;
  readonly #uniforms: Uniforms;
  readonly #variant: KernelVariant;
  readonly #init: ProductInit;
  readonly #arithmetic: readonly Arithmetic[];
  readonly #dispatches = new Map<number, Dispatch>();

  constructor({ pipelines, step, scratch, uniforms }: ProductComponents, init: ProductInit, variant: KernelVariant) {
    this.#pipelines = pipelines;
    this.#step = step;
    this.#scratch = scratch;
    this.#uniforms = uniforms;
    this.#variant = variant;
    this.#init = init;
    this.#arithmetic = init.parts.map(({ matrices }) =>
      arithmeticFor(
        variant.arithmetic,
        matrices.map(({ type }) => type),
      ),
    );
  }

  /** Records the dispatches for `count` rows of activations. */
  record(recorder: Recorder, count: number): void {
    const { maxMatvecTokens, largeTiles } = this.#variant;
    const tiles = largeTiles ? TILES : TILES.slice(0, 1);
    const tokens =
      count <= maxMatvecTokens
        ? (MATVEC_TOKENS.find((most) => most >= count) ?? MATVEC_TOKENS.at(-1)!)
        : (tiles.find((tile) => tile.tokens >= count) ?? tiles.at(-1)!).tokens;
    const key = count <= maxMatvecTokens ? tokens : -tokens;
    let dispatch = this.#dispatches.get(key);
    if (!dispatch) {
      dispatch = key > 0 ? this.#vectors(tokens) : this.#tiles(tokens);
      this.#dispatches.set(key, dispatch);
    }
    dispatch(recorder, count);
  }

  #vectors(tokens: number): Dispatch {
    const { parts, input, norm: normed, output, outputStride, mode, source, recordWords } = this.#init;
    const bound = parts.map(({ matrices, offset }, index) => {
      const parameters: MatvecParameters = {
        types: matrices.map(({ type }) => type) as unknown as MatvecParameters['types'],
        columns: matrices[0]!.columns,
        tokens,
        // Results of several tokens take the registers that further rows would.
        rowsPerThread: tokens === 1 ? this.#variant.rowsPerThread : 1,
        arithmetic: this.#arithmetic[index]!,
        subgroups: this.#variant.subgroups,
        compact: this.#variant.compact,
        norm: normed?.epsilon ?? null,
        source,
        recordWords,
        output: mode,
      };
      const shape = { rows: matrices[0]!.rows, outputStride, outputOffset: offset };
      const weights = matrices.flatMap(({ bindings }) => bindings);
      const norms = normed ? [normed.weight] : [];
      const buffers = [this.#step, input, ...norms, ...weights, output, this.#uniforms.get(shapeWords(shape))];
      return { parameters, shape, kernel: this.#bind(matvec(parameters), buffers) };
    });
    return (recorder, count) => {
      for (const { parameters, shape, kernel } of bound) {
        recorder.dispatch(kernel, matvecGroups(parameters, shape, count));
      }
    };
  }

  #tiles(tokens: number): Dispatch {
    const { parts, input, norm: normed, output, outputStride, mode, source, recordWords } = this.#init;
    const { columns } = parts[0]!.matrices[0]!;
    const { rowsPerThread } = TILES.find((tile) => tile.tokens === tokens)!;
    const dispatches: Dispatch[] = [];
    const add = (kernel: BoundKernel, groups: (count: number) => readonly [number, number]) => {
      dispatches.push((recorder, count) => recorder.dispatch(kernel, groups(count)));
    };
    let x: GPUBuffer = input;
    if (normed) {
      x = this.#scratch.normed;
      const kernel = norm({ columns, epsilon: normed.epsilon, source, recordWords });
      add(this.#bind(kernel, [this.#step, input, normed.weight, x]), (count) => [count, 1]);
    }
    if (this.#arithmetic.includes('int8')) {
      const { bytes, byteScales } = this.#scratch;
      const parameters = { columns, source };
      add(this.#bind(quantize(parameters), [this.#step, x, bytes, byteScales]), (count) =>
        quantizeGroups(parameters, count),
      );
    }
    parts.forEach(({ matrices, offset }, index) => {
      matrices.forEach(({ type, rows, bindings }, matrix) => {
        const arithmetic = this.#arithmetic[index]!;
        const parameters: MatmulParameters = {
          type,
          columns,
          tokens,
          rowsPerThread,
          arithmetic,
          source,
          output: mode,
        };
        const shape = { rows, outputStride, outputOffset: offset };
        const uniform = this.#uniforms.get(shapeWords(shape));
        const inputs = arithmetic === 'int8' ? [this.#scratch.bytes, this.#scratch.byteScales] : [x];
        const buffers = [this.#step, ...inputs, ...bindings, matrix === 0 ? output : this.#scratch.up, uniform];
        add(this.#bind(matmul(parameters), buffers), (count) => matmulGroups(parameters, shape, count));
      });
    });
    if (parts[0]!.matrices.length === 2) {
      const rows = Math.max(...parts.map(({ matrices, offset }) => offset + matrices[0]!.rows));
      const kernel = swiglu({ columns: rows, stride: outputStride });
      add(this.#bind(kernel, [this.#step, output, this.#scratch.up]), (count) => swigluGroups(rows, count));
    }
    return (recorder, count) => {
      for (const dispatch of dispatches) dispatch(recorder, count);
    };
  }

  #bind(kernel: Parameters<PipelineCache['get']>[0], buffers: readonly Binding[]): BoundKernel {
    const pipeline = this.#pipelines.get(kernel);
    return { pipeline, group: this.#pipelines.bind(pipeline, buffers) };
  }
}
