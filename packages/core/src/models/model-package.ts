import * as z from 'zod/mini';

const address = z.string().check(z.minLength(1), z.maxLength(2048));

/**
 * What of a package's own `mlc-chat-config.json` may be set otherwise. Prompts, stops and sampling are this
 * project's own, so the rest of that file's settings would change nothing.
 */
const overrides = z.strictObject({
  /** Positions of the cache, which is taken whole when the model is loaded. */
  context_window_size: z.optional(z.int().check(z.positive(), z.maximum(1_048_576))),
});

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
  }),
  z.strictObject({
    engine: z.literal('webllm'),
    /** `model_id` in the library's list, e.g. `SmolLM2-135M-Instruct-q0f32-MLC`. */
    prebuilt: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)),
    overrides: z.optional(overrides),
  }),
]);
export type ModelPackage = z.infer<typeof modelPackageSchema>;
