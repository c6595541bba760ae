import { describe, expect, it } from 'vitest';
import { errorCode } from '../../errors.ts';
import { tinyLlama } from '../tiny-llama.fixture.ts';
import { bool, float32, strings, uint32 } from './gguf-file.fixture.ts';
import type { TinyLlamaOptions } from '../tiny-llama.fixture.ts';

const failure = (options: TinyLlamaOptions) => tinyLlama(options).catch((error: unknown) => error as Error);

const spdx = async (license: string) =>
  (await tinyLlama({ metadata: { 'general.license': license } })).manifest.license.spdx;

describe('manifestFromGguf', () => {
  it('reads architecture, tokenizer, licence and tensors from the file itself', async () => {
    const { manifest, bytes } = await tinyLlama();
    expect(manifest).toMatchObject({
      format: 'opengateway-manifest/1',
      id: 'tiny-llama',
      name: 'Tiny',
      license: { spdx: 'MIT' },
      chatTemplate: null,
      architecture: {
        family: 'llama',
        layerCount: 3,
        hiddenSize: 8,
        headSize: 2,
        vocabularySize: 16,
        ropeBase: 10_000,
        ropeDimensionCount: 2,
        ropeLayout: 'interleaved',
        tiedEmbeddings: true,
      },
      tokenizer: { kind: 'gpt2', preTokenizer: 'smollm', beginToken: 1, addBeginToken: false, endTokens: [0, 2] },
    });
    expect(manifest.tensors).toHaveLength(2 + 3 * 9);
    expect(manifest.files[0]?.bytes).toBe(bytes.length);
  });

  it('takes a separate output matrix as untied embeddings', async () => {
    const { manifest } = await tinyLlama({ tied: false });
    expect(manifest.architecture.tiedEmbeddings).toBe(false);
    expect(manifest.tensors.at(-1)?.name).toBe('output.weight');
  });

  it('begins with a token where the file is silent only for tokenizers that do', async () => {
    const without = ['tokenizer.ggml.add_bos_token'];
    const begins = async (pre: string) =>
      (await tinyLlama({ without, metadata: { 'tokenizer.ggml.pre': pre } })).manifest.tokenizer.addBeginToken;
    expect(await begins('smollm')).toBe(false);
    expect(await begins('llama-bpe')).toBe(true);
    const { manifest } = await tinyLlama({ metadata: { 'tokenizer.ggml.add_bos_token': bool(true) } });
    expect(manifest.tokenizer.addBeginToken).toBe(true);
  });

  it('keeps licences that SPDX does not list as references', async () => {
    expect(await spdx('llama3.1')).toBe('LicenseRef-llama3.1');
    expect(await spdx('apache-2.0')).toBe('Apache-2.0');
    expect((await tinyLlama({ without: ['general.license'] })).manifest.license.spdx).toBe('NOASSERTION');
  });

  it.each<[string, TinyLlamaOptions, string, RegExp]>([
    ['another architecture', { metadata: { 'general.architecture': 'qwen2' } }, 'unsupported_model', /qwen2/],
    ['another tokenizer', { metadata: { 'tokenizer.ggml.model': 'llama' } }, 'unsupported_model', /tokenizer llama/],
    ['scaled RoPE', { metadata: { 'llama.rope.scaling.type': 'yarn' } }, 'unsupported_model', /yarn/],
    ['experts', { metadata: { 'llama.expert_count': uint32(8) } }, 'unsupported_model', /experts/],
    [
      'values of another size',
      { metadata: { 'llama.attention.value_length': uint32(4) } },
      'unsupported_model',
      /Values/,
    ],
    ['a missing key', { without: ['llama.block_count'] }, 'invalid_gguf', /lacks llama.block_count/],
    ['a key of the wrong type', { metadata: { 'llama.block_count': 'three' } }, 'invalid_gguf', /llama.block_count/],
    ['a broken number', { metadata: { 'llama.rope.freq_base': float32(NaN) } }, 'invalid_gguf', /freq_base/],
    [
      'too few rows for the tokens',
      { metadata: { 'tokenizer.ggml.tokens': strings(Array(17).fill('x')) } },
      'invalid_gguf',
      /16 rows for 17/,
    ],
    [
      'layers that the file does not have',
      { metadata: { 'llama.block_count': uint32(4) } },
      'invalid_manifest',
      /lacks blk.3/,
    ],
    [
      'layers that the keys do not count',
      { metadata: { 'llama.block_count': uint32(2) } },
      'invalid_manifest',
      /blk.2.*unknown/,
    ],
    ['no heads', { metadata: { 'llama.attention.head_count': uint32(0) } }, 'invalid_manifest', /queryHeadCount/],
  ])('refuses %s', async (_, options, code, message) => {
    const error = await failure(options);
    expect(errorCode(error)).toBe(code);
    expect((error as Error).message).toMatch(message);
  });
});
