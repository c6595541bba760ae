import type { TensorType } from '@opengateway/core';
import { STAGE_BYTES } from '../constants.ts';
import { segmentsOf } from '../segments.ts';
import { directives, QUANTIZE_BLOCK, stagedVector, vectorType, type Arithmetic } from './arithmetic.ts';
import {
  BLOCK_FORMATS,
  BLOCK_FUNCTIONS,
  blockBytes,
  blockColumns,
  loadBlock,
  loadVector,
  locateBlock,
  matrixBindingCount,
  matrixBindings,
} from './block-formats.ts';
import { unroll, type BindingAccess, type Kernel } from './kernel.ts';
import { normFunctions, NORM_THREADS } from './norm-code.ts';
import { shapeBinding, type ProductShape } from './product-shape.ts';
import { rowCount, tokenOfRow, type RowSource } from './step-layout.ts';
import { SILU } from './swiglu-code.ts';

export interface MatvecParameters {
  /** Types of the matrices: one, or gate and up, whose products become `silu(gate) · up`. */
  readonly types: readonly [TensorType] | readonly [TensorType, TensorType];
  readonly columns: number;
  /** Tokens over one read of the weights. */
  readonly tokens: number;
  readonly rowsPerThread: number;
  readonly arithmetic: Arithmetic;
  /** Adds up four segments by subgroup operations; the same bits. */
  readonly subgroups: boolean;
  /** Loops where it would be unrolled: slower on a GPU, and compiled much sooner. The same bits. */
  readonly compact: boolean;
  /** Epsilon of an RMSNorm applied to the activations first; null for none. */
  readonly norm: number | null;
  readonly source: RowSource;
  readonly recordWords: number;
  /** `add` to what the output holds, the residual connection. */
  readonly output: 'store' | 'add';
}

/**
 * Matrix x few vectors: a thread per segment of a row, so that decode reads the weights once, side by side.
 * Bindings: step, x, norm weight if any, each matrix's quants and scales, output, shape. Dispatch
 * `matvecGroups`.
 */
export function matvec(parameters: MatvecParameters): Kernel {
  const { types, columns, tokens, rowsPerThread, arithmetic, subgroups, compact, norm, source } = parameters;
  const cut = segmentsOf(columns);
  const { segments, blocks, paddedColumns } = cut;
  const layout = matvecLayout(columns, rowsPerThread);
  const { lanes, threads } = layout;
  const staged = stagedBlocks(blocks, lanes, tokens);
  const bindings: BindingAccess[] = ['read', 'read'];
  const declarations: string[] = [];
  if (norm !== null) {
    declarations.push(`@group(0) @binding(${bindings.length}) var<storage, read> normWeight: array<vec4<f32>>;`);
    bindings.push('read');
  }
  const names = types.map((_, matrix) => `w${matrix}`);
  types.forEach((type, matrix) => {
    declarations.push(matrixBindings(names[matrix]!, type, bindings.length));
    for (let count = matrixBindingCount(type); count > 0; count--) bindings.push('read');
  });
  declarations.push(`@group(0) @binding(${bindings.length}) var<storage, read_write> output: array<f32>;`);
  bindings.push('write');
  declarations.push(shapeBinding(bindings.length));
  bindings.push('uniform');

  // Results of one thread: rows x matrices x tokens.
  const results: { row: number; matrix: number; token: number; name: string }[] = [];
  for (let row = 0; row < rowsPerThread; row++) {
    types.forEach((_, matrix) => {
      for (let token = 0; token < tokens; token++)
        results.push({ row, matrix, token, name: `a${row}_${matrix}_${token}` });
    });
  }
  const sumWidth = subgroups ? threads / 4 : threads;
  const wgsl = /* wgsl */ `${directives(arithmetic, subgroups)}
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
${declarations.join('\n')}
${BLOCK_FUNCTIONS}
${types.length === 2 ? SILU : ''}
${norm === null ? '' : normFunctions(cut, norm, tokens)}
${arithmetic === 'int8' ? QUANTIZE_BLOCK : ''}
${stageDeclarations(arithmetic, tokens * staged * lanes)}
var<workgroup> sums: array<f32, ${results.length * sumWidth}>;

fn rowSum(result: u32, rowLane: u32) -> f32 {
  var total = 0.0;
  for (var four = 0u; four < ${lanes / 4}u; four++) {
    ${
      subgroups
        ? `total += sums[result * ${sumWidth}u + rowLane * ${lanes / 4}u + four];`
        : `let at = result * ${sumWidth}u + rowLane * ${lanes}u + four * 4u;
    var sum = 0.0;
    for (var i = 0u; i < 4u; i++) { sum += sums[at + i]; }
    total += sum;`
    }
  }
  return total;
}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let rowCount = ${rowCount(source)};
  let firstToken = group.y * ${tokens}u;
  let firstRow = group.x * ${layout.rows}u;
  let segment = lane % ${lanes}u;
  let rowLane = lane / ${lanes}u;
  ${unroll(tokens, (token) => `let row${token} = ${tokenOfRow(source, parameters.recordWords, `min(firstToken + ${token}u, rowCount - 1u)`)};`)}
  let inputRows = array<u32, ${tokens}>(${Array.from({ length: tokens }, (_, token) => `row${token}`).join(', ')});
  ${
    norm === null
      ? ''
      : `${unroll(tokens, (token) => `sumSquares(row${token}, ${token}u, lane);`)}
  workgroupBarrier();
  sumEighths(lane);
  workgroupBarrier();
  let normScales = array<f32, ${tokens}>(${Array.from({ length: tokens }, (_, token) => `normScale(${token}u)`).join(', ')});`
  }
  ${unroll(rowsPerThread, (row) => `let matrixRow${row} = min(firstRow + rowLane + ${row * layout.rowLanes}u, shape.rows - 1u);`)}
  ${results.map(({ name }) => `var ${name} = 0.0;`).join('\n  ')}
  for (var start = 0u; start < ${blocks}u; start += ${staged}u) {
    workgroupBarrier();
    ${arithmetic === 'int8' ? stageBytes() : stageVectors()}
    workgroupBarrier();
    if (segment < ${segments}u) {
      let end = min(${blocks}u - start, ${staged}u);
      for (var block = 0u; block < end; block++) {
        ${arithmetic === 'int8' ? multiplyBytes() : multiplyVectors()}
      }
    }
  }
  ${results.map(storeSum).join('\n  ')}
  workgroupBarrier();
  for (var at = lane; at < ${layout.rows * tokens}u; at += ${threads}u) {
    let token = at % ${tokens}u;
    let row = at / ${tokens}u;
    let result = (row / ${layout.rowLanes}u) * ${types.length * tokens}u + token;
    if (firstRow + row < shape.rows && firstToken + token < rowCount) {
      let destination = (firstToken + token) * shape.outputStride + shape.outputOffset + firstRow + row;
      let value = ${
        types.length === 1
          ? `rowSum(result, row % ${layout.rowLanes}u)`
          : `silu(rowSum(result, row % ${layout.rowLanes}u)) * rowSum(result + ${tokens}u, row % ${layout.rowLanes}u)`
      };
      output[destination] = ${parameters.output === 'add' ? 'output[destination] + value' : 'value'};
    }
  }
}
`;
  return { label: matvecLabel(parameters), wgsl, bindings };

  function stageVectors(): string {
    const value = norm === null ? 'loaded' : '(loaded * normScales[token]) * normWeight[column]';
    return `for (var at = lane; at < ${tokens * segments * staged * 8}u; at += ${threads}u) {
      let vector = at % ${staged * 8}u;
      let stagedSegment = (at / ${staged * 8}u) % ${segments}u;
      let token = at / ${staged * 8 * segments}u;
      let index = start + vector / 8u;
      if (index < ${blocks}u) {
        let column = (stagedSegment * ${blocks}u + index) * 8u + vector % 8u;
        let loaded = x[inputRows[token] * ${paddedColumns / 4}u + column];
        stage[(token * ${staged * 8}u + vector) * ${lanes}u + stagedSegment] = ${stagedVector(arithmetic, value)};
      }
    }`;
  }

  function stageBytes(): string {
    const value = norm === null ? 'loaded' : '(loaded * normScales[token]) * normWeight[column + j]';
    return `for (var at = lane; at < ${tokens * segments * staged}u; at += ${threads}u) {
      let block = at % ${staged}u;
      let stagedSegment = (at / ${staged}u) % ${segments}u;
      let token = at / ${staged * segments}u;
      let index = start + block;
      if (index < ${blocks}u) {
        let column = (stagedSegment * ${blocks}u + index) * 8u;
        var values = array<vec4<f32>, 8>();
        for (var j = 0u; j < 8u; j++) {
          let loaded = x[inputRows[token] * ${paddedColumns / 4}u + column + j];
          values[j] = ${value};
        }
        let bytes = quantizeBlock(values);
        let to = (token * ${staged}u + block) * ${lanes}u + stagedSegment;
        stageLow[to] = bytes.low;
        stageHigh[to] = bytes.high;
        stageScales[to] = vec2<f32>(bytes.scale, bytes.sum);
      }
    }`;
  }

  function loadRows(load: typeof loadBlock): string {
    return unroll(rowsPerThread, (row) =>
      types
        .map((type, matrix) => {
          const at = { row: `matrixRow${row}`, index: '(start + block)', segment: 'segment' };
          return load(`r${row}w${matrix}`, { buffer: names[matrix]!, type }, cut, at);
        })
        .join('\n'),
    );
  }

  function multiplyVectors(): string {
    const inputs = (j: string) =>
      unroll(tokens, (token) => {
        return `let x${token} = stage[(${token * staged * 8}u + block * 8u + ${j}) * ${lanes}u + segment];`;
      });
    const products = (decode: (name: string, type: TensorType, matrix: number) => string) =>
      unroll(rowsPerThread, (row) =>
        types
          .map((type, matrix) => {
            const weights = stagedVector(arithmetic, decode(`r${row}w${matrix}`, type, matrix));
            const sums = unroll(tokens, (token) =>
              accumulate(arithmetic, `a${row}_${matrix}_${token}`, 'w', `x${token}`),
            );
            return `{ let w = ${weights};\n${sums} }`;
          })
          .join('\n'),
      );
    if (!compact) {
      const steps = unroll(
        8,
        (j) => `{ ${inputs(`${j}u`)}\n${products((name, type) => blockColumns(name, type, j))} }`,
      );
      return `${loadRows(loadBlock)}\n${steps}`;
    }
    const decode = (name: string, type: TensorType, matrix: number) => {
      const { columns: decodeColumns, vectors } = BLOCK_FORMATS[type];
      const at = { segment: 'segment', vector: `(j * ${vectors}u) / 8u` };
      return decodeColumns(name, loadVector(name, { buffer: names[matrix]!, type }, cut, at), 'j');
    };
    return `${loadRows(locateBlock)}
    for (var j = 0u; j < 8u; j++) {
      ${inputs('j')}
      ${products(decode)}
    }`;
  }

  function multiplyBytes(): string {
    const inputs = unroll(tokens, (token) => {
      const at = `(${token * staged}u + block) * ${lanes}u + segment`;
      return `let low${token} = stageLow[${at}]; let high${token} = stageHigh[${at}]; let scale${token} = stageScales[${at}];`;
    });
    const products = unroll(rowsPerThread, (row) =>
      types
        .map((type, matrix) => {
          const name = `r${row}w${matrix}`;
          const packed = Array.from({ length: 8 }, (_, j) => blockBytes(name, type, j));
          return unroll(tokens, (token) => {
            const dots = packed.map((word, j) => {
              return `dots += dot4I8Packed(${word}, ${j < 4 ? 'low' : 'high'}${token}[${j & 3}]);`;
            });
            return `{ var dots = 0; ${dots.join(' ')}
            ${accumulateBytes(type, `a${row}_${matrix}_${token}`, name, `scale${token}`)} }`;
          });
        })
        .join('\n'),
    );
    return `${loadRows(loadBlock)}\n${inputs}\n${products}`;
  }

  function storeSum({ name }: { name: string }, result: number): string {
    if (!subgroups) return `sums[${result * sumWidth}u + lane] = ${name};`;
    return `{
    let q0 = quadBroadcast(${name}, 0u);
    let q1 = quadBroadcast(${name}, 1u);
    let q2 = quadBroadcast(${name}, 2u);
    let q3 = quadBroadcast(${name}, 3u);
    var sum = 0.0;
    sum += q0;
    sum += q1;
    sum += q2;
    sum += q3;
    if (lane % 4u == 0u) { sums[${result * sumWidth}u + lane / 4u] = sum; }
  }`;
  }
}

/** Workgroups of a `matvec` dispatch for `count` rows of activations. */
export function matvecGroups(
  { columns, rowsPerThread, tokens }: Pick<MatvecParameters, 'columns' | 'rowsPerThread' | 'tokens'>,
  { rows }: Pick<ProductShape, 'rows'>,
  count: number,
): readonly [number, number] {
  return [Math.ceil(rows / matvecLayout(columns, rowsPerThread).rows), Math.ceil(count / tokens)];
}

/** WGSL of the four products of `weights` and `inputs` added to `sum`, in ascending order. */
export function accumulate(arithmetic: Arithmetic, sum: string, weights: string, inputs: string): string {
  if (arithmetic === 'f16') {
    return `${sum} += f32(fma(${weights}.w, ${inputs}.w, fma(${weights}.z, ${inputs}.z, fma(${weights}.y, ${inputs}.y, ${weights}.x * ${inputs}.x))));`;
  }
  return ['x', 'y', 'z', 'w'].map((k) => `${sum} = fma(${weights}.${k}, ${inputs}.${k}, ${sum});`).join(' ');
}

/** WGSL that adds a block's integer product `dots` to `sum`; `scale` is the activations' (scale, scale · sum). */
export function accumulateBytes(type: TensorType, sum: string, name: string, scale: string): string {
  const product = `${sum} = fma(${name}_d * ${scale}.x, f32(dots), ${sum});`;
  return type === 'Q8_0' ? product : `${product} ${sum} = fma(${name}_m, ${scale}.y, ${sum});`;
}

function matvecLayout(columns: number, rowsPerThread: number) {
  // Four segments are one quad of threads, so their number is rounded up to it.
  const lanes = Math.ceil(segmentsOf(columns).segments / 4) * 4;
  const rowLanes = Math.max(Math.ceil(NORM_THREADS / lanes), Math.floor(128 / lanes));
  return { lanes, rowLanes, threads: lanes * rowLanes, rows: rowLanes * rowsPerThread };
}

const stagedBlocks = (blocks: number, lanes: number, tokens: number) =>
  Math.min(blocks, Math.max(1, Math.floor(STAGE_BYTES / (tokens * lanes * 128))));

function stageDeclarations(arithmetic: Arithmetic, blocks: number): string {
  if (arithmetic !== 'int8') return `var<workgroup> stage: array<${vectorType(arithmetic)}, ${blocks * 8}>;`;
  return `var<workgroup> stageLow: array<vec4<u32>, ${blocks}>;
var<workgroup> stageHigh: array<vec4<u32>, ${blocks}>;
var<workgroup> stageScales: array<vec2<f32>, ${blocks}>;`;
}

const matvecLabel = ({ types, columns, tokens, arithmetic, subgroups }: MatvecParameters) =>
  `matvec ${types.join('+')} of ${columns} x${tokens} ${arithmetic}${subgroups ? ' subgroups' : ''}`;
