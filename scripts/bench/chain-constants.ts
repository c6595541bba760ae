/** Stages of the chains that are measured, beside the whole model on one peer. */
export const CHAIN_LENGTHS = [2, 3, 4] as const;

/** Measurements of each figure of time per token; whole model and chains take turns, and the median counts. */
export const CHAIN_ROUNDS = 5;
/** Tokens of the prompt, and of the answer that time per token is measured on. */
export const CHAIN_PROMPT_TOKENS = 32;
export const CHAIN_DECODE_TOKENS = 64;

/** Answers until every hop of a new chain is direct: a machine that starts ten processes may be late with some. */
export const CONNECT_ATTEMPTS = 5;

/** Added to the sending of every frame, per hop. */
export const INJECTED_DELAYS_MS = [25, 50, 100] as const;
/** Fewer tokens: with the longest delay and chain each takes half a second. */
export const DELAYED_DECODE_TOKENS = 16;

/** Round trips of one measurement of the bare way, one right after the other. */
export const ECHO_ROUNDS = 200;
/** The same with pauses, as a chain's frames have them while the stages compute: what sleeps has to wake. */
export const PACED_ECHO_ROUNDS = 40;
export const PACED_ECHO_PAUSE_MS = 4;

/** Answers at once. */
export const SESSION_COUNTS = [1, 2, 4, 8] as const;
export const MAX_BENCH_SESSIONS = 8;

/** Time per token of emulated stages. Long against the accuracy of timers; the second has one longest stage. */
export const EMULATED_STAGES_MS = [
  [20, 20, 20],
  [30, 20, 10],
] as const;
export const EMULATED_DECODE_TOKENS = 40;
/** Stages whose real engines batch several sessions. */
export const BATCHED_STAGES = 3;
/** Enough that eight answers are under way together: their prompts are read one after another. */
export const BATCHED_DECODE_TOKENS = 96;
/** Before the end of a timer, where waiting turns into watching the clock. */
export const WATCH_CLOCK_MS = 2;

/** What the figures are held against. */
export const MAX_OVERHEAD_MS_PER_HOP = 2.5;
export const MAX_DELAY_SLOPE = 1.2;
export const MIN_THROUGHPUT_SHARE = 0.85;

/** A stage's process from its start until its model is loaded and its relay knows it. */
export const STAGE_READY_WITHIN_MS = 60_000;
/** One command to a stage's process. */
export const STAGE_COMMAND_WITHIN_MS = 30_000;
/** One answer, several at once included. */
export const ANSWER_WITHIN_MS = 60_000;
/** A process that was asked to end and did not. */
export const STAGE_STOP_WITHIN_MS = 5_000;
/** The whole bench; what has not been measured by then is given up. */
export const CHAIN_BENCH_WITHIN_MS = 290_000;
