import { hashChunks } from './chunk-hash.ts';
import { expectedTensors } from './expected-tensors.ts';
import { bool, encodeGguf, float32, int32s, strings, uint32 } from './gguf/gguf-file.fixture.ts';
import { bytesSource, manifestFromGguf, readGguf, tensorBytes } from './gguf/index.ts';
import type { FixtureTensor, FixtureValue } from './gguf/gguf-file.fixture.ts';
import type { ModelArchitecture, ModelManifest } from './manifest.ts';

export interface TinyLlamaOptions {
  readonly tied?: boolean;
  readonly layerCount?: number;
  readonly vocabularySize?: number;
  /** Added to the metadata, or put in place of its own. */
  readonly metadata?: Readonly<Record<string, FixtureValue>>;
  /** Keys left out. */
  readonly without?: readonly string[];
}

const F32 = 0;
const FILE_NAME = 'tiny.gguf';

/** A whole GGUF of a llama so small that every tensor is F32; its weights are a byte pattern. */
function tinyLlamaBytes(options: TinyLlamaOptions = {}): Uint8Array {
  const { tied = true, layerCount = 3, vocabularySize = 16 } = options;
  const architecture = { ...ARCHITECTURE, layerCount, vocabularySize, tiedEmbeddings: tied };
  let end = 0;
  const tensors = expectedTensors(architecture).map(({ name, shape }): FixtureTensor => {
    const offset = end;
    end += Math.ceil((tensorBytes('F32', shape) ?? 0) / 32) * 32;
    return { name, shape, type: F32, offset };
  });
  const keys = { ...metadataOf(architecture), ...options.metadata };
  const bytes = encodeGguf({
    metadata: Object.entries(keys).filter(([key]) => !options.without?.includes(key)),
    tensors,
    dataBytes: end,
  });
  for (let at = bytes.length - end; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 10)) & 0xff;
  return bytes;
}

/** The same with its manifest. */
export async function tinyLlama(
  options: TinyLlamaOptions = {},
): Promise<{ readonly bytes: Uint8Array; readonly manifest: ModelManifest }> {
  const bytes = tinyLlamaBytes(options);
  const source = bytesSource(bytes);
  const files = [{ name: FILE_NAME, bytes: bytes.length, chunks: await hashChunks(source) }];
  return { bytes, manifest: manifestFromGguf(await readGguf(source), { id: 'tiny-llama', files }) };
}

const ARCHITECTURE: ModelArchitecture = {
  family: 'llama',
  layerCount: 3,
  hiddenSize: 8,
  feedForwardSize: 12,
  queryHeadCount: 4,
  keyValueHeadCount: 2,
  headSize: 2,
  vocabularySize: 16,
  contextLength: 64,
  rmsNormEpsilon: 0.5,
  ropeBase: 10_000,
  ropeDimensionCount: 2,
  ropeLayout: 'interleaved',
  tiedEmbeddings: true,
};

const metadataOf = (architecture: ModelArchitecture): Record<string, FixtureValue> => ({
  'general.architecture': 'llama',
  'general.name': 'Tiny',
  'general.license': 'mit',
  'llama.block_count': uint32(architecture.layerCount),
  'llama.context_length': uint32(architecture.contextLength),
  'llama.embedding_length': uint32(architecture.hiddenSize),
  'llama.feed_forward_length': uint32(architecture.feedForwardSize),
  'llama.attention.head_count': uint32(architecture.queryHeadCount),
  'llama.attention.head_count_kv': uint32(architecture.keyValueHeadCount),
  'llama.attention.layer_norm_rms_epsilon': float32(architecture.rmsNormEpsilon),
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'smollm',
  'tokenizer.ggml.tokens': strings(['<|endoftext|>', '<|im_start|>', '<|im_end|>', 'a', '<|end|>']),
  'tokenizer.ggml.token_type': int32s([3, 3, 3, 1, 1]),
  'tokenizer.ggml.bos_token_id': uint32(1),
  'tokenizer.ggml.eos_token_id': uint32(2),
  'tokenizer.ggml.add_bos_token': bool(false),
});
