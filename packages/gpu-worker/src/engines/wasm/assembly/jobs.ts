// The parallel parts of a forward pass: products, attention and activations are cut into chunks that any thread may
// take. Who computes a chunk does not change its bits. Without threads the one caller takes them all.
//
// The control block lies in shared memory, one per engine: a header, then one entry of 64 bytes per job, i32 fields:
//   0 kind | 4 first chunk | 8 units | 12 units per chunk | 16.. arguments
import { attendHead } from './attention';
import { swiglu } from './elementwise';
import { matmulF16, matmulF32 } from './matmul-float';
import { matmulQ4 } from './matmul-q4';
import { matmulQ8 } from './matmul-q8';

// Fields of the header. What helpers watch while they wait lies apart from what is written while jobs are added.
/** Grows with every batch of jobs. */
const EPOCH: usize = 0;
const STOP: usize = 4;
const SLEEPERS: usize = 8;
/** Whether helpers may still join the batch, and how many are in it. */
const OPEN: usize = 64;
const ACTIVE: usize = 68;
const NEXT_CHUNK: usize = 128;
const ENTRIES: usize = 192;
const CHUNKS: usize = 196;
const HEADER: usize = 256;
const ENTRY: usize = 64;

const MATMUL_Q4: i32 = 0;
const MATMUL_Q8: i32 = 1;
const MATMUL_F32: i32 = 2;
const MATMUL_F16: i32 = 3;
const ATTENTION: i32 = 4;
const SWIGLU: i32 = 5;

/**
 * Most blocks of 32 columns x 4 rows x 1 input per chunk: some 10 us of work. Smaller chunks share the work out more
 * evenly, but taking one costs a cache line's way between cores.
 */
const BLOCKS_PER_CHUNK: i32 = 1296;
const MIN_GROUPS_PER_CHUNK: i32 = 8;
const SWIGLU_FLOATS_PER_UNIT: i32 = 1024;

/** Looks at the epoch before a helper sleeps: long enough to stay awake between two tokens of an answer. */
const SPINS_BEFORE_SLEEP: i32 = 300_000;
/** Looks at the helpers before the caller sleeps, and how long it then waits before it gives the engine up. */
const SPINS_BEFORE_WAIT: i32 = 300_000;
const HELPERS_LOST_NS: i64 = 10_000_000_000;

let control: usize = 0;
let scratch: usize = 0;

/** Once per thread: `block` is the control block, `scores` this thread's scratch for attention. */
export function initJobs(block: usize, scores: usize): void {
  control = block;
  scratch = scores;
}

/** The helpers' wait for work, until `stopHelpers`. Returns at once in a build without threads. */
export function helpJobs(): void {
  if (!ASC_FEATURE_THREADS) return;
  let seen = 0;
  while (true) {
    let spins = 0;
    while (atomic.load<i32>(control + EPOCH) == seen) {
      if (++spins < SPINS_BEFORE_SLEEP) continue;
      atomic.add<i32>(control + SLEEPERS, 1);
      atomic.wait<i32>(control + EPOCH, seen, -1);
      atomic.sub<i32>(control + SLEEPERS, 1);
    }
    seen = atomic.load<i32>(control + EPOCH);
    if (atomic.load<i32>(control + STOP)) return;
    // A helper counts itself in before it looks whether the batch is still open, and the caller waits for all who
    // are in after closing it: so nobody reads entries while they are written.
    atomic.add<i32>(control + ACTIVE, 1);
    if (atomic.load<i32>(control + OPEN)) takeChunks();
    if (atomic.sub<i32>(control + ACTIVE, 1) == 1) atomic.notify(control + ACTIVE, 1);
  }
}

export function stopHelpers(): void {
  if (!ASC_FEATURE_THREADS) return;
  atomic.store<i32>(control + STOP, 1);
  atomic.add<i32>(control + EPOCH, 1);
  atomic.notify(control + EPOCH, -1);
}

/** Computes everything added since the last call; returns when it is done. */
export function runJobs(): void {
  if (load<i32>(control, CHUNKS) == 0) return;
  if (ASC_FEATURE_THREADS) {
    atomic.store<i32>(control + NEXT_CHUNK, 0);
    atomic.store<i32>(control + OPEN, 1);
    atomic.add<i32>(control + EPOCH, 1);
    if (atomic.load<i32>(control + SLEEPERS)) atomic.notify(control + EPOCH, -1);
    takeChunks();
    atomic.store<i32>(control + OPEN, 0);
    let spins = 0;
    while (true) {
      const active = atomic.load<i32>(control + ACTIVE);
      if (active == 0) break;
      if (++spins < SPINS_BEFORE_WAIT) continue;
      // 2: timed out. A helper that died in its chunk never counts itself out.
      if (atomic.wait<i32>(control + ACTIVE, active, HELPERS_LOST_NS) == 2) unreachable();
    }
  } else {
    store<i32>(control, 0, NEXT_CHUNK);
    takeChunks();
  }
  store<i32>(control, 0, ENTRIES);
  store<i32>(control, 0, CHUNKS);
}

function takeChunks(): void {
  const chunks = load<i32>(control, CHUNKS);
  let entry = control + HEADER;
  while (true) {
    let chunk: i32;
    if (ASC_FEATURE_THREADS) {
      chunk = atomic.add<i32>(control + NEXT_CHUNK, 1);
    } else {
      chunk = load<i32>(control, NEXT_CHUNK);
      store<i32>(control, chunk + 1, NEXT_CHUNK);
    }
    if (chunk >= chunks) return;
    while (chunk >= load<i32>(entry, 4) + chunksOf(entry)) entry += ENTRY;
    const perChunk = load<i32>(entry, 12);
    const first = (chunk - load<i32>(entry, 4)) * perChunk;
    run(entry, first, min(perChunk, load<i32>(entry, 8) - first));
  }
}

// @ts-ignore: decorator
@inline
function chunksOf(entry: usize): i32 {
  const perChunk = load<i32>(entry, 12);
  return (load<i32>(entry, 8) + perChunk - 1) / perChunk;
}

/** Units `[first, first + count)` of an entry. */
function run(entry: usize, first: i32, count: i32): void {
  const a = load<usize>(entry, 16), b = load<usize>(entry, 20), c = load<usize>(entry, 24), d = load<usize>(entry, 28);
  const e = load<usize>(entry, 32), f = load<i32>(entry, 36), g = load<i32>(entry, 40), h = load<usize>(entry, 44);
  const i = load<i32>(entry, 48);
  switch (load<i32>(entry)) {
    case MATMUL_Q4:
      matmulQ4(a + <usize>first * f * 80, b, c, d, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_Q8:
      matmulQ8(a + <usize>first * f * 144, b, c, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_F32:
      matmulF32(a + <usize>first * f * 16, b, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_F16:
      matmulF16(a + <usize>first * f * 8, b, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case ATTENTION: {
      // a queries, b pages, c layer offset, d scores stride, e out, f key/value heads, g group, h head size, i length
      const headBytes = h << 2, rowBytes = <usize>(f * g) * headBytes;
      for (let unit = first; unit < first + count; unit++) {
        const row = unit / f, head = unit % f;
        const at = <usize>row * rowBytes + <usize>(head * g) * headBytes;
        attendHead(a + at, b, c + <usize>head * headBytes * 32, g, <i32>h, i + row, scratch, d, e + at);
      }
      return;
    }
    default: {
      const start = (<usize>first * SWIGLU_FLOATS_PER_UNIT) << 2;
      swiglu(a + start, b + start, min(count * SWIGLU_FLOATS_PER_UNIT, f - first * SWIGLU_FLOATS_PER_UNIT));
    }
  }
}

/** A new entry's address; the caller fills its arguments. */
function add(kind: i32, units: i32, perChunk: i32): usize {
  const index = load<i32>(control, ENTRIES), chunks = load<i32>(control, CHUNKS);
  const entry = control + HEADER + <usize>index * ENTRY;
  store<i32>(entry, kind), store<i32>(entry, chunks, 4), store<i32>(entry, units, 8), store<i32>(entry, perChunk, 12);
  store<i32>(control, index + 1, ENTRIES);
  store<i32>(control, chunks + chunksOf(entry), CHUNKS);
  return entry;
}

/** At most `most` units per chunk, and an even number of equal chunks: two threads are done at the same time. */
function evenChunk(units: i32, most: i32): i32 {
  const chunks = (units + most - 1) / most;
  if (chunks == 1) return units;
  const even = (chunks + 1) & ~1;
  return (units + even - 1) / even;
}

/** Arguments as `matmulQ4` and `matmulQ8`; `sums` is 0 for Q8. */
function addQuantized(
  kind: i32, w: usize, x: usize, scales: usize, sums: usize, y: usize,
  rows: i32, blocks: i32, inputs: i32, rowBytes: usize,
): void {
  const units = kind == MATMUL_F32 || kind == MATMUL_F16 ? (blocks + 31) >> 5 : blocks;
  const groups = rows >> 2;
  const entry = add(kind, groups, evenChunk(groups, max(MIN_GROUPS_PER_CHUNK, BLOCKS_PER_CHUNK / (units * inputs))));
  store<usize>(entry, w, 16), store<usize>(entry, x, 20), store<usize>(entry, scales, 24), store<usize>(entry, sums, 28);
  store<usize>(entry, y, 32), store<i32>(entry, blocks, 36), store<i32>(entry, inputs, 40), store<usize>(entry, rowBytes, 44);
}

export function addMatmulQ4(
  w: usize, x: usize, scales: usize, sums: usize, y: usize, rows: i32, blocks: i32, inputs: i32, rowBytes: usize,
): void {
  addQuantized(MATMUL_Q4, w, x, scales, sums, y, rows, blocks, inputs, rowBytes);
}

export function addMatmulQ8(
  w: usize, x: usize, scales: usize, y: usize, rows: i32, blocks: i32, inputs: i32, rowBytes: usize,
): void {
  addQuantized(MATMUL_Q8, w, x, scales, 0, y, rows, blocks, inputs, rowBytes);
}

export function addMatmulF32(w: usize, x: usize, y: usize, rows: i32, columns: i32, inputs: i32, rowBytes: usize): void {
  addQuantized(MATMUL_F32, w, x, 0, 0, y, rows, columns, inputs, rowBytes);
}

export function addMatmulF16(w: usize, x: usize, y: usize, rows: i32, columns: i32, inputs: i32, rowBytes: usize): void {
  addQuantized(MATMUL_F16, w, x, 0, 0, y, rows, columns, inputs, rowBytes);
}

/**
 * Attention of `rows` consecutive positions of one sequence, whose keys and values are stored already; the first has
 * `length` positions to look at, itself included. q and out: f32 [rows][queryHeads][headSize].
 */
export function addAttention(
  q: usize, pages: usize, layerOffset: usize, scoresStride: usize, out: usize,
  keyValueHeads: i32, group: i32, headSize: i32, length: i32, rows: i32,
): void {
  const entry = add(ATTENTION, rows * keyValueHeads, 1);
  store<usize>(entry, q, 16), store<usize>(entry, pages, 20), store<usize>(entry, layerOffset, 24);
  store<usize>(entry, scoresStride, 28), store<usize>(entry, out, 32), store<i32>(entry, keyValueHeads, 36);
  store<i32>(entry, group, 40), store<usize>(entry, headSize, 44), store<i32>(entry, length, 48);
}

/** See `swiglu`; little of it is computed at once, for less than telling the helpers would cost. */
export function addSwiglu(gate: usize, up: usize, count: i32): void {
  if (count <= 2 * SWIGLU_FLOATS_PER_UNIT) return swiglu(gate, up, count);
  const entry = add(SWIGLU, (count + SWIGLU_FLOATS_PER_UNIT - 1) / SWIGLU_FLOATS_PER_UNIT, 1);
  store<usize>(entry, gate, 16), store<usize>(entry, up, 20), store<i32>(entry, count, 36);
}
