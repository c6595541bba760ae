import * as z from 'zod/mini';

/** Tensor element types the engines read; anything else in a GGUF is refused by name. */
export const TENSOR_TYPES = ['F32', 'F16', 'Q8_0', 'Q4_0', 'Q4_1'] as const;
export type TensorType = (typeof TENSOR_TYPES)[number];

/** Bytes covered by one hash. */
export const CHUNK_BYTES = 1_048_576;

const count = z.int().check(z.nonnegative(), z.maximum(2 ** 31 - 1));
const bytes = z.int().check(z.nonnegative(), z.maximum(2 ** 45));
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const name = z.string().check(z.minLength(1), z.maxLength(200));

const architecture = z.strictObject({
  family: z.enum(['llama']),
  layerCount: count.check(z.minimum(1), z.maximum(1024)),
  hiddenSize: count.check(z.minimum(1), z.maximum(65_536)),
  feedForwardSize: count.check(z.minimum(1), z.maximum(262_144)),
  queryHeadCount: count.check(z.minimum(1), z.maximum(1024)),
  keyValueHeadCount: count.check(z.minimum(1), z.maximum(1024)),
  headSize: count.check(z.minimum(1), z.maximum(1024)),
  vocabularySize: count.check(z.minimum(1), z.maximum(1_048_576)),
  contextLength: count.check(z.minimum(1), z.maximum(16_777_216)),
  rmsNormEpsilon: z.number().check(z.positive()),
  ropeBase: z.number().check(z.positive()),
  ropeDimensionCount: count,
  /** `interleaved`: pairs (0,1),(2,3)…, as GGUF stores llama; `halves`: pairs (i, i + n/2). */
  ropeLayout: z.enum(['interleaved', 'halves']),
  tiedEmbeddings: z.boolean(),
});

const tokenizer = z.strictObject({
  /** GGUF `tokenizer.ggml.model`. */
  kind: z.enum(['gpt2']),
  /** GGUF `tokenizer.ggml.pre`. */
  preTokenizer: z.string().check(z.maxLength(64)),
  beginToken: z.nullable(count),
  addBeginToken: z.boolean(),
  /** Tokens that end an answer. */
  endTokens: z.array(count).check(z.maxLength(16)),
  /** Where vocabulary and merges lie: the GGUF header, `[0, bytes)` of `file`. */
  source: z.strictObject({ file: name, bytes }),
});

const file = z.strictObject({
  name: name.check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)),
  bytes,
  /** sha256 of each `CHUNK_BYTES` piece, in order; the last piece may be shorter. */
  chunks: z.array(sha256).check(z.maxLength(4_194_304)),
  /** Addresses that answer range requests; not part of the model's identity. */
  sources: z.optional(z.array(z.string().check(z.maxLength(2048))).check(z.maxLength(32))),
});

const tensor = z.strictObject({
  name,
  /** Index into `files`. */
  file: count,
  offset: bytes,
  bytes,
  type: z.enum(TENSOR_TYPES),
  /** Innermost dimension first, as in GGUF: `[columns, rows]` for a matrix. */
  shape: z.array(count).check(z.minLength(1), z.maxLength(4)),
});

/** What a model is: everything an engine, a tokenizer or a peer needs to know about its bytes. */
export const manifestSchema = z.strictObject({
  format: z.literal('opengateway-manifest/1'),
  id: z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,95}$/)),
  name,
  license: z.strictObject({ spdx: name, author: z.optional(name), url: z.optional(name) }),
  architecture,
  tokenizer,
  /** Jinja source of the model's own chat template, if it has one. */
  chatTemplate: z.nullable(z.string().check(z.maxLength(65_536))),
  files: z.array(file).check(z.minLength(1), z.maxLength(256)),
  tensors: z.array(tensor).check(z.minLength(1), z.maxLength(65_536)),
});

export type ModelManifest = z.infer<typeof manifestSchema>;
export type ModelArchitecture = ModelManifest['architecture'];
export type ManifestFile = ModelManifest['files'][number];
export type TensorInfo = ModelManifest['tensors'][number];
