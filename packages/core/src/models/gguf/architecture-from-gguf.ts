import { InvalidGgufError, UnsupportedArchitectureError } from '../errors.ts';
import { EMBEDDING_TENSOR, OUTPUT_TENSOR } from '../expected-tensors.ts';
import { metadataFields } from './metadata-fields.ts';
import type { ModelArchitecture } from '../manifest.ts';
import type { GgufFile } from './read-gguf.ts';

/** llama.cpp's default where a file names none. */
const DEFAULT_ROPE_BASE = 10_000;

/**
 * The architecture a GGUF's `llama.*` keys describe.
 *
 * @throws UnsupportedArchitectureError naming the architecture or feature; InvalidGgufError.
 */
export function architectureFromGguf({ metadata, tensors }: GgufFile): ModelArchitecture {
  const fields = metadataFields(metadata);
  const family = fields.text('general.architecture');
  if (family !== 'llama') throw new UnsupportedArchitectureError(`The architecture ${family} is not supported.`);
  refuseUnknownFeatures(metadata);
  const embedding = tensors.find(({ name }) => name === EMBEDDING_TENSOR);
  const vocabularySize = embedding?.shape[1];
  if (vocabularySize === undefined) throw new InvalidGgufError(`The file has no matrix ${EMBEDDING_TENSOR}.`);
  const hiddenSize = fields.count('llama.embedding_length');
  const queryHeadCount = fields.count('llama.attention.head_count');
  const headSize = fields.count('llama.attention.key_length', Math.floor(hiddenSize / Math.max(1, queryHeadCount)));
  if (fields.count('llama.attention.value_length', headSize) !== headSize) {
    throw new UnsupportedArchitectureError('Values of another size than keys are not supported.');
  }
  return {
    family,
    layerCount: fields.count('llama.block_count'),
    hiddenSize,
    feedForwardSize: fields.count('llama.feed_forward_length'),
    queryHeadCount,
    keyValueHeadCount: fields.count('llama.attention.head_count_kv', queryHeadCount),
    headSize,
    vocabularySize,
    contextLength: fields.count('llama.context_length'),
    rmsNormEpsilon: fields.number('llama.attention.layer_norm_rms_epsilon'),
    ropeBase: fields.number('llama.rope.freq_base', DEFAULT_ROPE_BASE),
    ropeDimensionCount: fields.count('llama.rope.dimension_count', headSize),
    // Converters to GGUF permute llama's query and key rows into this order.
    ropeLayout: 'interleaved',
    tiedEmbeddings: !tensors.some(({ name }) => name === OUTPUT_TENSOR),
  };
}

/** Features that change what the layers compute, and that would go wrong silently if passed over. */
function refuseUnknownFeatures(metadata: GgufFile['metadata']): void {
  const scaling = metadata.get('llama.rope.scaling.type') ?? 'none';
  if (scaling !== 'none') throw new UnsupportedArchitectureError(`RoPE scaling ${String(scaling)} is not supported.`);
  const linear = metadata.get('llama.rope.scale_linear') ?? 1;
  if (linear !== 1) throw new UnsupportedArchitectureError('Linear RoPE scaling is not supported.');
  const experts = metadata.get('llama.expert_count') ?? 0;
  if (experts !== 0) throw new UnsupportedArchitectureError('Mixtures of experts are not supported.');
}
