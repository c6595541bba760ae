// The control block through which threads share jobs. It lies in shared memory, one per engine: a header, then per phase
// and thread a line of 64 bytes whose i32 says how many chunks of its run are taken, then one entry of 64 bytes per job,
// i32 fields:
//   0 kind | 4 first chunk | 8 units | 12 units per chunk | 16.. arguments | 60 first chunk of the next entry

// Fields of the header. What helpers watch while they wait lies apart from what is written while jobs are added.
/** Grows with every batch of jobs. */
export const EPOCH: usize = 0;
export const STOP: usize = 4;
export const SLEEPERS: usize = 8;
/** Whether helpers may still join the batch, and how many are in it. */
export const OPEN: usize = 64;
export const ACTIVE: usize = 68;
/** Chunks that are done; counted in batches of several phases only. */
export const DONE: usize = 128;
export const ENTRIES: usize = 192;
export const CHUNKS: usize = 196;
/** Phases that have been added whole, and where the next ones begin: the first chunk of phase n at `4 * n`. */
export const PHASES: usize = 200;
export const PHASE_STARTS: usize = 204;
/** Address and bytes of what the next batch will read. */
export const EXPECTED: usize = 224;
export const EXPECTED_BYTES: usize = 228;
export const HEADER: usize = 256;
export const LINE: usize = 64;
export const ENTRY: usize = 64;
export const MAX_PHASES: i32 = 3;

export const MATMUL_Q4: i32 = 0;
export const MATMUL_Q8: i32 = 1;
export const MATMUL_F32: i32 = 2;
export const MATMUL_F16: i32 = 3;
export const ATTENTION: i32 = 4;
export const SWIGLU: i32 = 5;
export const SCORES: i32 = 6;
export const WEIGHTS: i32 = 7;
export const VALUES: i32 = 8;

/** Of a SwiGLU job. */
export const SWIGLU_FLOATS_PER_UNIT: i32 = 1024;

export let control: usize = 0;
export let entries: usize = 0;
export let scratch: usize = 0;
export let thread: i32 = 0;
export let threads: i32 = 1;

/** Once per thread, `self` of `count`: `block` is the control block, `scores` this thread's scratch for attention. */
export function initJobs(block: usize, scores: usize, self: i32, count: i32): void {
  control = block;
  entries = block + HEADER + <usize>(MAX_PHASES * count) * LINE;
  scratch = scores;
  thread = self;
  threads = count;
}

// @ts-ignore: decorator
@inline
export function phaseStart(phase: i32): i32 {
  return phase == 0 ? 0 : load<i32>(control + PHASE_STARTS + ((<usize>phase) << 2));
}
