import type { ModelArchitecture } from './manifest.ts';

/** A tensor that a model must have. */
export interface ExpectedTensor {
  readonly name: string;
  /** Innermost dimension first. */
  readonly shape: readonly number[];
}

/** GGUF's names of the tensors outside the layers. */
export const EMBEDDING_TENSOR = 'token_embd.weight';
const OUTPUT_NORM_TENSOR = 'output_norm.weight';
export const OUTPUT_TENSOR = 'output.weight';

const LAYER_TENSOR = /^blk\.(0|[1-9][0-9]*)\./;

/** The layer that a tensor belongs to by its GGUF name; `undefined` for those outside the layers. */
export function layerOfTensor(name: string): number | undefined {
  const layer = LAYER_TENSOR.exec(name)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/**
 * Every tensor of a model of this architecture, embedding first, then layer by layer; a model has these
 * and no others, so that nothing an engine does not know of changes what it computes.
 */
export function expectedTensors(architecture: ModelArchitecture): ExpectedTensor[] {
  const { hiddenSize, vocabularySize, layerCount, tiedEmbeddings } = architecture;
  const tensors: ExpectedTensor[] = [{ name: EMBEDDING_TENSOR, shape: [hiddenSize, vocabularySize] }];
  for (let layer = 0; layer < layerCount; layer++) tensors.push(...llamaLayer(architecture, layer));
  tensors.push({ name: OUTPUT_NORM_TENSOR, shape: [hiddenSize] });
  if (!tiedEmbeddings) tensors.push({ name: OUTPUT_TENSOR, shape: [hiddenSize, vocabularySize] });
  return tensors;
}

function llamaLayer(architecture: ModelArchitecture, layer: number): ExpectedTensor[] {
  const { hiddenSize, feedForwardSize, queryHeadCount, keyValueHeadCount, headSize } = architecture;
  const queries = queryHeadCount * headSize;
  const keys = keyValueHeadCount * headSize;
  const named = (name: string, ...shape: number[]) => ({ name: `blk.${layer}.${name}.weight`, shape });
  return [
    named('attn_norm', hiddenSize),
    named('attn_q', hiddenSize, queries),
    named('attn_k', hiddenSize, keys),
    named('attn_v', hiddenSize, keys),
    named('attn_output', queries, hiddenSize),
    named('ffn_norm', hiddenSize),
    named('ffn_gate', hiddenSize, feedForwardSize),
    named('ffn_up', hiddenSize, feedForwardSize),
    named('ffn_down', feedForwardSize, hiddenSize),
  ];
}
