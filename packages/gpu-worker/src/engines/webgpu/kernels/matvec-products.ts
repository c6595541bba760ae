import type { TensorType } from '@opengateway/core';
import { accumulate, accumulateBytes, stagedVector } from './arithmetic.ts';
import { BLOCK_FORMATS, blockBytes, blockColumns, loadBlock, loadVector, locateBlock } from './block-formats.ts';
import { unroll } from './kernel.ts';
import { blockName, matrixName, sumName, type MatvecPlan } from './matvec-plan.ts';

/** WGSL that adds the products of one block of every row of a thread to its sums. */
export const multiplyBlock = (plan: MatvecPlan): string =>
  plan.arithmetic === 'int8' ? multiplyBytes(plan) : plan.compact ? multiplyInLoop(plan) : multiplyUnrolled(plan);

function multiplyUnrolled(plan: MatvecPlan): string {
  const steps = unroll(8, (j) => {
    const products = multiplyVector(plan, (row, matrix, type) => blockColumns(blockName(row, matrix), type, j));
    return `{ ${stagedInputs(plan, `${j}u`)}\n${products} }`;
  });
  return `${everyBlock(plan, loadBlock)}\n${steps}`;
}

function multiplyInLoop(plan: MatvecPlan): string {
  const products = multiplyVector(plan, (row, matrix, type) => {
    const { columns, vectors } = BLOCK_FORMATS[type];
    const at = { segment: 'segment', vector: `(j * ${vectors}u) / 8u` };
    const name = blockName(row, matrix);
    return columns(name, loadVector(name, { buffer: matrixName(matrix), type }, plan.cut, at), 'j');
  });
  return `${everyBlock(plan, locateBlock)}
    for (var j = 0u; j < 8u; j++) {
      ${stagedInputs(plan, 'j')}
      ${products}
    }`;
}

const stagedInputs = ({ tokens, staged, lanes }: MatvecPlan, j: string): string =>
  unroll(tokens, (token) => {
    return `let x${token} = stage[(${token * staged * 8}u + block * 8u + ${j}) * ${lanes}u + segment];`;
  });

function multiplyVector(
  { tokens, rowsPerThread, types, arithmetic }: MatvecPlan,
  decode: (row: number, matrix: number, type: TensorType) => string,
): string {
  return unroll(rowsPerThread, (row) =>
    types
      .map((type, matrix) => {
        const weights = stagedVector(arithmetic, decode(row, matrix, type));
        const sums = unroll(tokens, (token) => accumulate(arithmetic, sumName(row, matrix, token), 'w', `x${token}`));
        return `{ let w = ${weights};\n${sums} }`;
      })
      .join('\n'),
  );
}

function multiplyBytes(plan: MatvecPlan): string {
  const { tokens, staged, lanes, rowsPerThread, types } = plan;
  const inputs = unroll(tokens, (token) => {
    const at = `(${token * staged}u + block) * ${lanes}u + segment`;
    return `let low${token} = stageLow[${at}]; let high${token} = stageHigh[${at}]; let scale${token} = stageScales[${at}];`;
  });
  const products = unroll(rowsPerThread, (row) =>
    types
      .map((type, matrix) => {
        const name = blockName(row, matrix);
        const packed = Array.from({ length: 8 }, (_, j) => blockBytes(name, type, j));
        return unroll(tokens, (token) => {
          const dots = packed.map((word, j) => {
            return `dots += dot4I8Packed(${word}, ${j < 4 ? 'low' : 'high'}${token}[${j & 3}]);`;
          });
          return `{ var dots = 0; ${dots.join(' ')}
            ${accumulateBytes(type, sumName(row, matrix, token), name, `scale${token}`)} }`;
        });
      })
      .join('\n'),
  );
  return `${everyBlock(plan, loadBlock)}\n${inputs}\n${products}`;
}

function everyBlock({ rowsPerThread, types, cut }: MatvecPlan, load: typeof loadBlock): string {
  return unroll(rowsPerThread, (row) =>
    types
      .map((type, matrix) => {
        const at = { row: `matrixRow${row}`, index: '(start + block)', segment: 'segment' };
        return load(blockName(row, matrix), { buffer: matrixName(matrix), type }, cut, at);
      })
      .join('\n'),
  );
}
