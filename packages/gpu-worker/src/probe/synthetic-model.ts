import { tensorBytes } from '@opengateway/core';
import type { ModelArchitecture, ModelManifest, TensorInfo, TensorReader, TensorType } from '@opengateway/core';

/** Six layers in the shape of SmolLM2 135M: real proportions of large and small products, no file. */
const ARCHITECTURE: ModelArchitecture = {
  family: 'llama',
  layerCount: 6,
  hiddenSize: 576,
  feedForwardSize: 1536,
  queryHeadCount: 9,
  keyValueHeadCount: 3,
  headSize: 64,
  vocabularySize: 8192,
  contextLength: 256,
  rmsNormEpsilon: 1e-5,
  ropeBase: 10_000,
  ropeDimensionCount: 64,
  ropeLayout: 'interleaved',
  tiedEmbeddings: true,
};

const FILE = 'synthetic.gguf';
/** Scale, then sixteen bytes of two weights each. */
const Q4_0_BLOCK_BYTES = 18;
/** Half-precision bits of 1/64: sums stay about as large as what went in. */
const SCALE_BITS = 0x2400;

/** A model made of noise, to measure engines with: the reader makes its bytes up as they are asked for. */
export function createSyntheticModel(): { readonly reader: TensorReader; readonly weightBytes: number } {
  const tensors: TensorInfo[] = [];
  let offset = 0;
  for (const [name, type, shape] of shapes()) {
    const bytes = tensorBytes(type, shape);
    if (bytes === undefined) throw new RangeError(`${type} has no shape [${shape.join(', ')}].`);
    tensors.push({ name, file: 0, offset, bytes, type, shape });
    offset += bytes;
  }
  const manifest: ModelManifest = {
    format: 'opengateway-manifest/1',
    id: 'synthetic',
    name: 'Synthetic',
    license: { spdx: 'Apache-2.0' },
    architecture: ARCHITECTURE,
    tokenizer: {
      kind: 'gpt2',
      preTokenizer: '',
      beginToken: null,
      addBeginToken: false,
      endTokens: [],
      source: { file: FILE, bytes: 0 },
    },
    chatTemplate: null,
    files: [{ name: FILE, bytes: offset, chunks: [] }],
    tensors,
  };
  return {
    weightBytes: offset,
    reader: {
      manifest,
      async read(tensor, at, length, { signal } = {}) {
        signal?.throwIfAborted();
        return tensor.type === 'F32' ? ones(length) : noise(at, length);
      },
    },
  };
}

function shapes(): [name: string, type: TensorType, shape: number[]][] {
  const { hiddenSize, feedForwardSize, queryHeadCount, keyValueHeadCount, headSize, layerCount } = ARCHITECTURE;
  const querySize = queryHeadCount * headSize;
  const keyValueSize = keyValueHeadCount * headSize;
  return [
    ['token_embd.weight', 'Q4_0', [hiddenSize, ARCHITECTURE.vocabularySize]],
    ...Array.from({ length: layerCount }, (_, layer): [string, TensorType, number[]][] => [
      [`blk.${layer}.attn_norm.weight`, 'F32', [hiddenSize]],
      [`blk.${layer}.attn_q.weight`, 'Q4_0', [hiddenSize, querySize]],
      [`blk.${layer}.attn_k.weight`, 'Q4_0', [hiddenSize, keyValueSize]],
      [`blk.${layer}.attn_v.weight`, 'Q4_0', [hiddenSize, keyValueSize]],
      [`blk.${layer}.attn_output.weight`, 'Q4_0', [querySize, hiddenSize]],
      [`blk.${layer}.ffn_norm.weight`, 'F32', [hiddenSize]],
      [`blk.${layer}.ffn_gate.weight`, 'Q4_0', [hiddenSize, feedForwardSize]],
      [`blk.${layer}.ffn_up.weight`, 'Q4_0', [hiddenSize, feedForwardSize]],
      [`blk.${layer}.ffn_down.weight`, 'Q4_0', [feedForwardSize, hiddenSize]],
    ]).flat(),
    ['output_norm.weight', 'F32', [hiddenSize]],
  ];
}

const ones = (length: number): Uint8Array => new Uint8Array(new Float32Array(length / 4).fill(1).buffer);

/** Blocks of Q4_0 whose weights follow from their place, so that no two rows are alike. */
function noise(at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (at + 1) * 0x9e3779b1;
  for (let index = 0; index < length; index++) {
    const within = (at + index) % Q4_0_BLOCK_BYTES;
    if (within < 2) {
      bytes[index] = within === 0 ? SCALE_BITS & 0xff : SCALE_BITS >> 8;
      continue;
    }
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}
