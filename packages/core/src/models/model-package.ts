import * as z from 'zod/mini';
import { chunkCount } from './chunk-hash.ts';
import { MAX_PACKAGE_CHUNKS, MAX_PACKAGE_FILES } from './constants.ts';

const address = z.string().check(z.minLength(1), z.maxLength(2048));

/**
 * What of a package's own `mlc-chat-config.json` may be set otherwise. Prompts, stops and sampling are this
 * project's own, so the rest of that file's settings would change nothing.
 */
const overrides = z.strictObject({
  /** Positions of the cache, which is taken whole when the model is loaded. */
  context_window_size: z.optional(z.int().check(z.positive(), z.maximum(1_048_576))),
});

const hashed = {
  bytes: z.int().check(z.positive(), z.maximum(2 ** 45)),
  /** sha256 of each `CHUNK_BYTES` piece, in order; the last piece may be shorter. */
  chunks: z.array(z.string().check(z.regex(/^[0-9a-f]{64}$/))).check(z.maxLength(MAX_PACKAGE_CHUNKS)),
};

/** What a package consists of: files that are listed come from peers first, and are verified. */
const contents = z
  .strictObject({
    /** In the folder, each by its path there. */
    folder: z
      .array(
        z.strictObject({
          path: z.string().check(z.maxLength(200), z.regex(/^\w[\w.-]*(\/\w[\w.-]*)*$/)),
          ...hashed,
        }),
      )
      .check(z.minLength(1), z.maxLength(MAX_PACKAGE_FILES)),
    /** The `.wasm` file. */
    library: z.optional(z.strictObject(hashed)),
  })
  .check(
    z.refine(({ folder, library }) => {
      const all = library === undefined ? folder : [...folder, library];
      const paths = new Set(folder.map(({ path }) => path.toLowerCase()));
      const isCounted = all.every(({ bytes, chunks }) => chunks.length === chunkCount(bytes));
      const total = all.reduce((sum, { chunks }) => sum + chunks.length, 0);
      return isCounted && paths.size === folder.length && total <= MAX_PACKAGE_CHUNKS;
    }),
  );

/**
 * A model compiled for WebLLM: weights in MLC's own shards and a WebAssembly library with the kernels.
 *
 * Either two addresses, absolute or relative to the relay, or a model of the library's own list.
 */
export const modelPackageSchema = z.union([
  z.strictObject({
    engine: z.literal('webllm'),
    /** Folder of `mlc-chat-config.json`; as the library has it, `resolve/main/` is added unless it names a branch. */
    modelUrl: address,
    /** The `.wasm` file. */
    modelLibUrl: address,
    overrides: z.optional(overrides),
    /** Absent: the library fetches everything by itself, unverified. */
    files: z.optional(contents),
  }),
  z.strictObject({
    engine: z.literal('webllm'),
    /** `model_id` in the library's list, e.g. `SmolLM2-135M-Instruct-q0f32-MLC`. */
    prebuilt: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)),
    overrides: z.optional(overrides),
  }),
]);
export type ModelPackage = z.infer<typeof modelPackageSchema>;
