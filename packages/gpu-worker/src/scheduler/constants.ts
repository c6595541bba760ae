/** Generations that may wait for a place; beyond it a request is refused with `engine_busy`. */
export const DEFAULT_MAX_QUEUED_GENERATIONS = 32;

/**
 * Tokens a generation may be ahead of its consumer. Large enough to cover a page that is busy for a few
 * frames, small enough that a consumer that went away costs next to nothing.
 */
export const CREDIT_WINDOW_TOKENS = 32;

/**
 * Events that a sequence on part of a model may be ahead of its consumer. Each may hold hidden states of
 * `MAX_HIDDEN_PAYLOAD_BYTES`; in decode there is never more than one.
 */
export const CREDIT_WINDOW_LAYER_EVENTS = 8;

/** Inputs that may wait to be computed before `give` makes its caller wait: enough that none is waited for. */
export const MAX_WAITING_INPUTS = 4;

/** Inputs of a caller that does not wait; beyond it the sequence fails. */
export const MAX_GIVEN_INPUTS = 64;

/** Most credit a generation may hold, whatever its consumer grants. */
export const MAX_CREDIT_TOKENS = 1_024;

/** A generation whose consumer took nothing for this long gives its place away. */
export const DEFAULT_CREDIT_STALL_LIMIT_MS = 120_000;

/**
 * What one step may take: half of the 100 ms in which a cancellation must be obeyed, and a pause between
 * two tokens of a running answer that a reader does not notice.
 */
export const DEFAULT_STEP_BUDGET_MS = 50;

/** Part of the step budget that prefill always gets, however many sequences decode beside it. */
export const PREFILL_BUDGET_SHARE = 0.5;

/** Prefill tokens of the first step, before anything was measured. */
export const INITIAL_PREFILL_CHUNK_TOKENS = 16;

/** Most a chunk grows from one step to the next. */
export const PREFILL_CHUNK_GROWTH = 2;

/** Chunks are whole multiples of this where they are larger: kernels work on blocks of rows. */
export const PREFILL_CHUNK_MULTIPLE = 4;

/** Silence after which a waiting generation says that it is alive; half of what the contract allows. */
export const HEARTBEAT_INTERVAL_MS = 500;

/** How far back the rate of tokens looks. */
export const RATE_WINDOW_SECONDS = 5;

/** Rests shorter than this are gathered: timers are no finer than some milliseconds. */
export const MIN_REST_MS = 20;

/** Most rest owed at once: one slow step at a small share must not silence a device for long. */
export const MAX_REST_DEBT_MS = 2_000;
