/** Most tokens of one `forward`; the library cuts them to the chunk its kernels were compiled for. */
export const MAX_BATCH_TOKENS = 512;

/** Cache room unless told otherwise, as the other engines have it. */
export const DEFAULT_KV_BUDGET_BYTES = 256 * 2 ** 20;

/** Positions per page of the library's cache (`page_size` in its `llm_chat.ts`). */
export const PAGE_POSITIONS = 16;

/** Most bytes of a package's `mlc-chat-config.json`; real ones have some 5 KB. */
export const MAX_CONFIG_BYTES = 1_048_576;

/** Most bytes of a package's `tensor-cache.json`; those of the largest listed models have some 500 KB. */
export const MAX_TENSOR_INDEX_BYTES = 16 * 2 ** 20;

/** What a package may do to be described: two small files from a host that answers. */
export const DESCRIBE_TIMEOUT_MS = 30_000;

/** Names of the caches that the library keeps packages in (Cache API). */
export const PACKAGE_CACHES = ['webllm/model', 'webllm/config', 'webllm/wasm'] as const;

/** Files of a package taken up at once to be given to peers; each may be some 100 MB. */
export const HELD_PACKAGE_FILES = 2;

/** What is read of a package before anything large is fetched. */
export const DESCRIPTION_FILES: ReadonlySet<string> = new Set(['mlc-chat-config.json', 'tensor-cache.json']);
