/** Longest whole measurement: a person waits for it once per browser. */
export const MEASURE_BUDGET_MS = 3_000;

/** What the memory probes may take together, so that the engines have the rest. */
export const GPU_MEMORY_BUDGET_MS = 700;
export const BANDWIDTH_BUDGET_MS = 150;

/** One step of the GPU memory probe. */
export const GPU_MEMORY_STEP_BYTES = 256 * 2 ** 20;

/** Larger than any cache that a phone or a laptop has, small enough for a tab. */
export const CPU_COPY_BYTES = 48 * 2 ** 20;
export const GPU_COPY_BYTES = 64 * 2 ** 20;

/** Sequences and cache of an engine that is only measured. */
export const MEASURED_KV_BYTES = 8 * 2 ** 20;
