import type { TensorType } from '@opengateway/core';
import { segmentsOf } from '../segments.ts';
import { directives, stagedVector, vectorType, type Arithmetic } from './arithmetic.ts';
import {
  BLOCK_FORMATS,
  BLOCK_FUNCTIONS,
  blockBytes,
  loadBlock,
  loadVector,
  locateBlock,
  matrixBindingCount,
  matrixBindings,
} from './block-formats.ts';
import { unroll, type Kernel } from './kernel.ts';
import { shapeBinding, type ProductShape } from './product-shape.ts';
import { rowCount, type RowSource } from './step-layout.ts';

export interface MatmulParameters {
  readonly type: TensorType;
  readonly columns: number;
  /** Tokens per workgroup, a multiple of 4 that divides 256. */
  readonly tokens: number;
  /** Rows per thread. */
  readonly rowsPerThread: number;
  readonly arithmetic: Arithmetic;
  /** Whose rows the activations are: they lie packed from row 0 either way. */
  readonly source: RowSource;
  readonly output: 'store' | 'add';
}

const THREADS = 64;
const STAGED_BLOCK_VECTORS = 8;

/**
 * Matrix x many vectors: a tile of rows by a tile of tokens per workgroup, block by block through
 * workgroup memory, in the order of sums of `matvec`. Bindings: step, x, quants and scales, output, shape; for
 * `int8` x is two: bytes (`vec4<u32>`) and (scale, scale · sum) per block, as `quantize` writes them.
 * Dispatch `matmulGroups`.
 */
export function matmul(parameters: MatmulParameters): Kernel {
  const { type, columns, tokens, rowsPerThread, arithmetic, source } = parameters;
  const cut = segmentsOf(columns);
  const { segments, blocks, paddedColumns } = cut;
  const { tileRows, rowLanes, tokenLanes } = matmulShape(tokens, rowsPerThread);
  const bytes = arithmetic === 'int8';
  const first = bytes ? 3 : 2;
  const outputBinding = first + matrixBindingCount(type);
  const inputs = bytes
    ? `@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> xScales: array<vec2<f32>>;`
    : `@group(0) @binding(1) var<storage, read> x: array<f32>;`;
  const wgsl = /* wgsl */ `${directives(arithmetic)}
@group(0) @binding(0) var<storage, read> step: array<u32>;
${inputs}
${matrixBindings('w', type, first)}
@group(0) @binding(${outputBinding}) var<storage, read_write> output: array<f32>;
${shapeBinding(outputBinding + 1)}
${BLOCK_FUNCTIONS}
${bytes ? byteTiles() : vectorTiles()}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tokenCount = ${rowCount(source)};
  let firstToken = group.y * ${tokens}u;
  let firstRow = group.x * ${tileRows}u;
  let tokenLane = lane % ${tokenLanes}u;
  let rowLane = lane / ${tokenLanes}u;
  ${unroll(rowsPerThread, (row) => `var total${row} = vec4<f32>(0.0); var four${row} = vec4<f32>(0.0); var sum${row} = vec4<f32>(0.0);`)}
  for (var segment = 0u; segment < ${segments}u; segment++) {
    ${unroll(rowsPerThread, (row) => `sum${row} = vec4<f32>(0.0);`)}
    for (var index = 0u; index < ${blocks}u; index++) {
      workgroupBarrier();
      ${bytes ? stageBytes() : stageVectors()}
      workgroupBarrier();
      ${bytes ? multiplyBytes() : multiplyVectors()}
    }
    ${unroll(rowsPerThread, (row) => `four${row} += sum${row};`)}
    if (segment % 4u == 3u || segment == ${segments - 1}u) {
      ${unroll(rowsPerThread, (row) => `total${row} += four${row}; four${row} = vec4<f32>(0.0);`)}
    }
  }
  ${unroll(rowsPerThread, (row) => `writeRow(firstRow + rowLane + ${row * rowLanes}u, firstToken + tokenLane * 4u, tokenCount, total${row});`)}
}

fn writeRow(row: u32, token: u32, tokenCount: u32, values: vec4<f32>) {
  if (row >= shape.rows) { return; }
  for (var i = 0u; i < 4u && token + i < tokenCount; i++) {
    let destination = (token + i) * shape.outputStride + shape.outputOffset + row;
    output[destination] = ${parameters.output === 'add' ? 'output[destination] + values[i]' : 'values[i]'};
  }
}
`;
  return {
    label: `matmul ${type} of ${columns} x${tokens} ${arithmetic}`,
    wgsl,
    bindings: [...Array.from({ length: outputBinding }, () => 'read' as const), 'write', 'uniform'],
  };

  function vectorTiles(): string {
    const vector = vectorType(arithmetic);
    return `var<workgroup> weights: array<${vector}, ${tileRows * STAGED_BLOCK_VECTORS}>;
// Four tokens side by side, column by column.
var<workgroup> activations: array<${vector}, ${tokenLanes * 32}>;`;
  }

  function stageVectors(): string {
    const matrix = { buffer: 'w', type };
    const { columns: decode, vectors } = BLOCK_FORMATS[type];
    const vectorIndex = `(j * ${vectors}u) / 8u`;
    return `for (var at = lane; at < ${tileRows * STAGED_BLOCK_VECTORS}u; at += ${THREADS}u) {
        let row = min(firstRow + at % ${tileRows}u, shape.rows - 1u);
        let j = at / ${tileRows}u;
        ${locateBlock('b', matrix, cut, { row: 'row', index: 'index', segment: 'segment' })}
        let v = ${loadVector('b', matrix, cut, { segment: 'segment', vector: vectorIndex })};
        weights[at] = ${stagedVector(arithmetic, decode('b', 'v', 'j'))};
      }
      for (var at = lane; at < ${tokenLanes * 32}u; at += ${THREADS}u) {
        let column = (segment * ${blocks}u + index) * 32u + at % 32u;
        let token = firstToken + (at / 32u) * 4u;
        let four = vec4<f32>(
          ${Array.from({ length: 4 }, (_, i) => `x[min(token + ${i}u, tokenCount - 1u) * ${paddedColumns}u + column]`).join(',\n          ')},
        );
        activations[(at % 32u) * ${tokenLanes}u + at / 32u] = ${stagedVector(arithmetic, 'four')};
      }`;
  }

  function multiplyVectors(): string {
    const vector = vectorType(arithmetic);
    const products = unroll(rowsPerThread, (row) => {
      const weights = `let w = weights[j * ${tileRows}u + rowLane + ${row * rowLanes}u];`;
      if (arithmetic === 'f16') {
        return `{ ${weights} sum${row} += vec4<f32>(fma(${vector}(w.w), x3, fma(${vector}(w.z), x2, fma(${vector}(w.y), x1, ${vector}(w.x) * x0)))); }`;
      }
      const sums = ['x', 'y', 'z', 'w']
        .map((k, i) => `sum${row} = fma(${vector}(w.${k}), x${i}, sum${row});`)
        .join(' ');
      return `{ ${weights} ${sums} }`;
    });
    return `for (var j = 0u; j < 8u; j++) {
        ${unroll(4, (k) => `let x${k} = activations[(j * 4u + ${k}u) * ${tokenLanes}u + tokenLane];`)}
        ${products}
      }`;
  }

  function byteTiles(): string {
    return `var<workgroup> weights: array<u32, ${tileRows * 8}>;
var<workgroup> weightScales: array<vec2<f32>, ${tileRows}>;
var<workgroup> activations: array<u32, ${tokens * 8}>;
var<workgroup> activationScales: array<vec2<f32>, ${tokens}>;`;
  }

  function stageBytes(): string {
    const words = unroll(8, (j) => `weights[${j * tileRows}u + at] = ${blockBytes('b', type, j)};`);
    return `for (var at = lane; at < ${tileRows}u; at += ${THREADS}u) {
        let row = min(firstRow + at, shape.rows - 1u);
        ${loadBlock('b', { buffer: 'w', type }, cut, { row: 'row', index: 'index', segment: 'segment' })}
        ${words}
        weightScales[at] = vec2<f32>(b_d, b_m);
      }
      for (var at = lane; at < ${tokens}u; at += ${THREADS}u) {
        let block = min(firstToken + at, tokenCount - 1u) * ${paddedColumns / 32}u + segment * ${blocks}u + index;
        let low = x[block * 2u];
        let high = x[block * 2u + 1u];
        ${unroll(8, (j) => `activations[${j * tokens}u + at] = ${j < 4 ? 'low' : 'high'}[${j & 3}];`)}
        activationScales[at] = xScales[block];
      }`;
  }

  function multiplyBytes(): string {
    const products = unroll(rowsPerThread, (row) => {
      const minimum =
        type === 'Q8_0'
          ? ''
          : `\n          sum${row}[t] = fma(scale.y, activationScales[tokenLane * 4u + t].y, sum${row}[t]);`;
      return `{
        let scale = weightScales[rowLane + ${row * rowLanes}u];
        var dots = vec4<i32>(0);
        for (var j = 0u; j < 8u; j++) {
          let w = weights[j * ${tileRows}u + rowLane + ${row * rowLanes}u];
          let at = j * ${tokens}u + tokenLane * 4u;
          dots += vec4<i32>(dot4I8Packed(w, activations[at]), dot4I8Packed(w, activations[at + 1u]), dot4I8Packed(w, activations[at + 2u]), dot4I8Packed(w, activations[at + 3u]));
        }
        for (var t = 0u; t < 4u; t++) {
          sum${row}[t] = fma(scale.x * activationScales[tokenLane * 4u + t].x, f32(dots[t]), sum${row}[t]);${minimum}
        }
      }`;
    });
    return products;
  }
}

/** Workgroups of a `matmul` dispatch for `count` rows of activations. */
export function matmulGroups(
  { rowsPerThread, tokens }: Pick<MatmulParameters, 'rowsPerThread' | 'tokens'>,
  { rows }: Pick<ProductShape, 'rows'>,
  count: number,
): readonly [number, number] {
  return [Math.ceil(rows / matmulShape(tokens, rowsPerThread).tileRows), Math.ceil(count / tokens)];
}

function matmulShape(tokens: number, rowsPerThread: number) {
  const tokenLanes = tokens / 4;
  const rowLanes = THREADS / tokenLanes;
  return { tokenLanes, rowLanes, tileRows: rowLanes * rowsPerThread };
}
