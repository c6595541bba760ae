import { directives, QUANTIZE_BLOCK, stagedVector, vectorType, type Arithmetic } from './arithmetic.ts';
import { BLOCK_FUNCTIONS, matrixBindingCount, matrixBindings } from './block-formats.ts';
import { unroll, type BindingAccess, type Kernel } from './kernel.ts';
import { matrixName, planMatvec, type MatvecParameters } from './matvec-plan.ts';
import { multiplyBlock } from './matvec-products.ts';
import { normFunctions } from './norm-code.ts';
import { shapeBinding } from './product-shape.ts';
import { rowCount, tokenOfRow } from './step-layout.ts';
import { SILU } from './swiglu-code.ts';

/**
 * Matrix x few vectors: a thread per segment of a row, so that decode reads the weights once, side by side.
 * Bindings: step, x, norm weight if any, each matrix's quants and scales, output, shape. Dispatch
 * `matvecGroups`.
 */
export function matvec(parameters: MatvecParameters): Kernel {
  const plan = planMatvec(parameters);
  const { types, tokens, rowsPerThread, arithmetic, subgroups, norm, source, cut, lanes, threads, staged } = plan;
  const { segments, blocks, paddedColumns } = cut;
  const bindings: BindingAccess[] = ['read', 'read'];
  const declarations: string[] = [];
  if (norm !== null) {
    declarations.push(`@group(0) @binding(${bindings.length}) var<storage, read> normWeight: array<vec4<f32>>;`);
    bindings.push('read');
  }
  types.forEach((type, matrix) => {
    declarations.push(matrixBindings(matrixName(matrix), type, bindings.length));
    for (let count = matrixBindingCount(type); count > 0; count--) bindings.push('read');
  });
  declarations.push(`@group(0) @binding(${bindings.length}) var<storage, read_write> output: array<f32>;`);
  bindings.push('write');
  declarations.push(shapeBinding(bindings.length));
  bindings.push('uniform');

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
var<workgroup> sums: array<f32, ${plan.sums.length * sumWidth}>;

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
  let firstRow = group.x * ${plan.groupRows}u;
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
  ${unroll(rowsPerThread, (row) => `let matrixRow${row} = min(firstRow + rowLane + ${row * plan.rowLanes}u, shape.rows - 1u);`)}
  ${plan.sums.map((name) => `var ${name} = 0.0;`).join('\n  ')}
  for (var start = 0u; start < ${blocks}u; start += ${staged}u) {
    workgroupBarrier();
    ${arithmetic === 'int8' ? stageBytes() : stageVectors()}
    workgroupBarrier();
    if (segment < ${segments}u) {
      let end = min(${blocks}u - start, ${staged}u);
      for (var block = 0u; block < end; block++) {
        ${multiplyBlock(plan)}
      }
    }
  }
  ${plan.sums.map(storeSum).join('\n  ')}
  workgroupBarrier();
  for (var at = lane; at < ${plan.groupRows * tokens}u; at += ${threads}u) {
    let token = at % ${tokens}u;
    let row = at / ${tokens}u;
    let result = (row / ${plan.rowLanes}u) * ${types.length * tokens}u + token;
    if (firstRow + row < shape.rows && firstToken + token < rowCount) {
      let destination = (firstToken + token) * shape.outputStride + shape.outputOffset + firstRow + row;
      let value = ${
        types.length === 1
          ? `rowSum(result, row % ${plan.rowLanes}u)`
          : `silu(rowSum(result, row % ${plan.rowLanes}u)) * rowSum(result + ${tokens}u, row % ${plan.rowLanes}u)`
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

  function storeSum(name: string, result: number): string {
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

function stageDeclarations(arithmetic: Arithmetic, blocks: number): string {
  if (arithmetic !== 'int8') return `var<workgroup> stage: array<${vectorType(arithmetic)}, ${blocks * 8}>;`;
  return `var<workgroup> stageLow: array<vec4<u32>, ${blocks}>;
var<workgroup> stageHigh: array<vec4<u32>, ${blocks}>;
var<workgroup> stageScales: array<vec2<f32>, ${blocks}>;`;
}

const matvecLabel = ({ types, columns, tokens, arithmetic, subgroups }: MatvecParameters) =>
  `matvec ${types.join('+')} of ${columns} x${tokens} ${arithmetic}${subgroups ? ' subgroups' : ''}`;
