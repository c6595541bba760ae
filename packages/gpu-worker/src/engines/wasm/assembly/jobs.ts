// The parallel parts of a forward pass: products, attention and activations are cut into chunks that any thread may
// take. Who computes a chunk does not change its bits. Without threads the one caller takes them all.
//
// A batch has one phase or several. The chunks of a phase are cut into one run of neighbours per thread, for memory is
// read faster from end to end than in turns; a thread that is done with its own run helps with those of the others. A
// phase begins when all chunks of the phases before it are done, whoever computes them.
//
// The control block lies in shared memory, one per engine: a header, then per phase and thread a line of 64 bytes whose
// i32 says how many chunks of its run are taken, then one entry of 64 bytes per job, i32 fields:
//   0 kind | 4 first chunk | 8 units | 12 units per chunk | 16.. arguments | 60 first chunk of the next entry
import { attendHead, headScores, headValues, scaleQueries, weigh } from './attention';
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
/** Chunks that are done; counted in batches of several phases only. */
const DONE: usize = 128;
const ENTRIES: usize = 192;
const CHUNKS: usize = 196;
/** Phases that have been added whole, and where the next ones begin: the first chunk of phase n at `4 * n`. */
const PHASES: usize = 200;
const PHASE_STARTS: usize = 204;
/** Address and bytes of what the next batch will read. */
const EXPECTED: usize = 224;
const EXPECTED_BYTES: usize = 228;
const HEADER: usize = 256;
const LINE: usize = 64;
const ENTRY: usize = 64;
const MAX_PHASES: i32 = 3;

const MATMUL_Q4: i32 = 0;
const MATMUL_Q8: i32 = 1;
const MATMUL_F32: i32 = 2;
const MATMUL_F16: i32 = 3;
const ATTENTION: i32 = 4;
const SWIGLU: i32 = 5;
const SCORES: i32 = 6;
const WEIGHTS: i32 = 7;
const VALUES: i32 = 8;

/**
 * Most blocks of 32 columns x 4 rows x 1 input per chunk: some 2 us of work. A thread finds a chunk's job and place anew,
 * and what is left at the end is shared out by chunks.
 */
const BLOCKS_PER_CHUNK: i32 = 432;
const MIN_GROUPS_PER_CHUNK: i32 = 8;
const SWIGLU_FLOATS_PER_UNIT: i32 = 1024;

/** Looks at the epoch before a helper sleeps: long enough to stay awake between two tokens of an answer. */
const SPINS_BEFORE_SLEEP: i32 = 300_000;
/** Most of the expected bytes that a waiting helper reads: they shall stay in its own cache. */
const MOST_READ_AHEAD: usize = 262_144;
/** Bytes read between two looks at the epoch. */
const READ_AT_ONCE: usize = 512;
/** Looks at the helpers before the caller sleeps, and how long it then waits before it gives the engine up. */
const SPINS_BEFORE_WAIT: i32 = 300_000;
const HELPERS_LOST_NS: i64 = 10_000_000_000;
/** How long a thread sleeps at a time that waits for the chunks of another: nobody wakes it. */
const PHASE_SLEEP_NS: i64 = 1_000_000;

/** Positions below which one position's attention is not worth two more meetings of the threads. */
const MIN_SPLIT_LENGTH: i32 = 64;
/** Most pages of one key head, and most blocks of 8 dimensions of one value head, per chunk: a few us of work. */
const PAGES_PER_CHUNK: i32 = 4;
const DIMENSION_BLOCKS_PER_CHUNK: i32 = 4;

let control: usize = 0;
let entries: usize = 0;
let scratch: usize = 0;
let thread: i32 = 0;
let threads: i32 = 1;

/** Once per thread, `self` of `count`: `block` is the control block, `scores` this thread's scratch for attention. */
export function initJobs(block: usize, scores: usize, self: i32, count: i32): void {
  control = block;
  entries = block + HEADER + <usize>(MAX_PHASES * count) * LINE;
  scratch = scores;
  thread = self;
  threads = count;
}

/** The helpers' wait for work, until `stopHelpers`. Returns at once in a build without threads. */
export function helpJobs(): void {
  if (!ASC_FEATURE_THREADS) return;
  let seen = 0;
  let ahead: usize = 0, end: usize = 0;
  while (true) {
    let spins = 0;
    while (atomic.load<i32>(control + EPOCH) == seen) {
      if (ahead < end) {
        readLines(ahead);
        ahead += READ_AT_ONCE;
        continue;
      }
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
    ahead = end = 0;
    if (atomic.load<i32>(control + OPEN)) {
      takeChunks();
      const part = load<usize>(control, EXPECTED_BYTES) / threads;
      ahead = load<usize>(control, EXPECTED) + part * thread;
      end = ahead + min(part, MOST_READ_AHEAD);
    }
    if (atomic.sub<i32>(control + ACTIVE, 1) == 1) atomic.notify(control + ACTIVE, 1);
  }
}

/** Brings lines into this thread's cache. The sum goes where nobody looks, so that no compiler takes the reading for idle. */
function readLines(at: usize): void {
  let sum = 0;
  for (let line: usize = 0; line < READ_AT_ONCE; line += LINE) sum += load<i32>(at + line);
  store<i32>(control + HEADER + <usize>thread * LINE, sum, 4);
}

/**
 * Says, while a batch is added, which weights the next one will read: helpers fetch what they can of their part while the
 * caller prepares that batch, for memory would lie idle then.
 */
export function expectWeights(address: usize, bytes: usize): void {
  store<usize>(control, address, EXPECTED);
  store<usize>(control, bytes, EXPECTED_BYTES);
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
    const runs = (load<i32>(control, PHASES) + 1) * threads;
    for (let run = 0; run < runs; run++) store<i32>(control + HEADER + <usize>run * LINE, 0);
    store<i32>(control, 0, DONE);
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
    takeChunks();
  }
  store<i32>(control, 0, ENTRIES);
  store<i32>(control, 0, CHUNKS);
  store<i32>(control, 0, PHASES);
  store<i32>(control, 0, EXPECTED_BYTES);
}

function takeChunks(): void {
  const last = load<i32>(control, PHASES);
  for (let phase = 0; phase <= last; phase++) {
    const start = phaseStart(phase), chunks = (phase == last ? load<i32>(control, CHUNKS) : phaseStart(phase + 1)) - start;
    if (!ASC_FEATURE_THREADS) {
      for (let entry = entries, chunk = start; chunk < start + chunks; chunk++) entry = runChunk(entry, chunk);
      continue;
    }
    if (phase > 0) waitForChunks(start);
    let done = 0;
    for (let turn = 0; turn < threads; turn++) {
      const run = (thread + turn) % threads;
      const first = start + (chunks * run) / threads, end = start + (chunks * (run + 1)) / threads;
      const taken = control + HEADER + <usize>(phase * threads + run) * LINE;
      let entry = entries;
      // Looked at first: most turns at another's run come when nothing is left of it.
      while (atomic.load<i32>(taken) < end - first) {
        const chunk = first + atomic.add<i32>(taken, 1);
        if (chunk >= end) break;
        entry = runChunk(entry, chunk);
        done++;
      }
    }
    if (phase < last && done > 0) atomic.add<i32>(control + DONE, done);
  }
}

// @ts-ignore: decorator
@inline
function phaseStart(phase: i32): i32 {
  return phase == 0 ? 0 : load<i32>(control + PHASE_STARTS + ((<usize>phase) << 2));
}

/** Computes a chunk of this entry or a later one; returns which. */
function runChunk(entry: usize, chunk: i32): usize {
  while (chunk >= load<i32>(entry, 60)) entry += ENTRY;
  const perChunk = load<i32>(entry, 12), first = (chunk - load<i32>(entry, 4)) * perChunk;
  run(entry, first, min(perChunk, load<i32>(entry, 8) - first));
  return entry;
}

/** Until the first `count` chunks are done. Those who took them wait for none but earlier ones, so all come to an end. */
function waitForChunks(count: i32): void {
  let spins = 0, slept: i64 = 0;
  while (true) {
    const done = atomic.load<i32>(control + DONE);
    if (done >= count) return;
    if (++spins < SPINS_BEFORE_WAIT) continue;
    if (slept > HELPERS_LOST_NS) unreachable();
    atomic.wait<i32>(control + DONE, done, PHASE_SLEEP_NS);
    slept += PHASE_SLEEP_NS;
  }
}

/** What is added from here on waits for all that was added before. */
function nextPhase(): void {
  const phase = load<i32>(control, PHASES) + 1;
  store<i32>(control, phase, PHASES);
  store<i32>(control + PHASE_STARTS + ((<usize>phase) << 2), load<i32>(control, CHUNKS));
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
    case SCORES: {
      // as ATTENTION, and scores for e
      const pages = (i + 31) >> 5, headBytes = h << 2;
      for (let unit = first; unit < first + count; unit++) {
        const head = unit / pages, from = (unit % pages) << 5, queries = head * g;
        headScores(
          a + <usize>queries * headBytes, b, c + <usize>head * headBytes * 32, g, <i32>h,
          from, min(from + 32, i), e + <usize>queries * d, d,
        );
      }
      return;
    }
    case WEIGHTS:
      for (let row = first; row < first + count; row++) weigh(e + <usize>row * d, i);
      return;
    case VALUES: {
      // as ATTENTION, and weights for a
      const blocks = <i32>h >> 3, headBytes = h << 2;
      for (let unit = first, end = first + count; unit < end; ) {
        const head = unit / blocks, from = unit % blocks, to = min(blocks, from + end - unit), queries = head * g;
        headValues(
          a + <usize>queries * d, d, b, c + <usize>head * headBytes * 32, g, <i32>h, i,
          from << 3, to << 3, e + <usize>queries * headBytes,
        );
        unit += to - from;
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
  const entry = entries + <usize>index * ENTRY;
  store<i32>(entry, kind), store<i32>(entry, chunks, 4), store<i32>(entry, units, 8), store<i32>(entry, perChunk, 12);
  store<i32>(control, index + 1, ENTRIES);
  const end = chunks + (units + perChunk - 1) / perChunk;
  store<i32>(entry, end, 60);
  store<i32>(control, end, CHUNKS);
  return entry;
}

/** At most `most` units per chunk, and as many equal chunks for every thread: all are done at the same time. */
function evenChunk(units: i32, most: i32): i32 {
  const chunks = (units + most - 1) / most;
  if (chunks == 1 || threads == 1) return units;
  const even = ((chunks + threads - 1) / threads) * threads;
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
 *
 * scores: 0, or scratch of `scoresStride` bytes for every query head. With it, the work of a single position is shared out
 * evenly among the threads however few its key/value heads are; the bits are the same.
 */
export function addAttention(
  q: usize, pages: usize, layerOffset: usize, scoresStride: usize, out: usize,
  keyValueHeads: i32, group: i32, headSize: i32, length: i32, rows: i32, scores: usize,
): void {
  if (scores == 0 || rows > 1 || length < MIN_SPLIT_LENGTH) {
    addAttentionJob(
      ATTENTION, rows * keyValueHeads, 1, q, pages, layerOffset, scoresStride, out, keyValueHeads, group, headSize, length,
    );
    return;
  }
  const heads = keyValueHeads * group, keyUnits = keyValueHeads * ((length + 31) >> 5);
  const valueUnits = keyValueHeads * (headSize >> 3);
  scaleQueries(q, heads * headSize, headSize);
  addAttentionJob(
    SCORES, keyUnits, evenChunk(keyUnits, PAGES_PER_CHUNK),
    q, pages, layerOffset, scoresStride, scores, keyValueHeads, group, headSize, length,
  );
  nextPhase();
  addAttentionJob(
    WEIGHTS, heads, 1, 0, pages, layerOffset, scoresStride, scores, keyValueHeads, group, headSize, length,
  );
  nextPhase();
  addAttentionJob(
    VALUES, valueUnits, evenChunk(valueUnits, DIMENSION_BLOCKS_PER_CHUNK),
    scores, pages, layerOffset, scoresStride, out, keyValueHeads, group, headSize, length,
  );
}

function addAttentionJob(
  kind: i32, units: i32, perChunk: i32, from: usize, pages: usize, layerOffset: usize, scoresStride: usize, to: usize,
  keyValueHeads: i32, group: i32, headSize: i32, length: i32,
): void {
  const entry = add(kind, units, perChunk);
  store<usize>(entry, from, 16), store<usize>(entry, pages, 20), store<usize>(entry, layerOffset, 24);
  store<usize>(entry, scoresStride, 28), store<usize>(entry, to, 32), store<i32>(entry, keyValueHeads, 36);
  store<i32>(entry, group, 40), store<usize>(entry, headSize, 44), store<i32>(entry, length, 48);
}

/** See `swiglu`; little of it is computed at once, for less than telling the helpers would cost. */
export function addSwiglu(gate: usize, up: usize, count: i32): void {
  if (count <= 2 * SWIGLU_FLOATS_PER_UNIT) return swiglu(gate, up, count);
  const entry = add(SWIGLU, (count + SWIGLU_FLOATS_PER_UNIT - 1) / SWIGLU_FLOATS_PER_UNIT, 1);
  store<usize>(entry, gate, 16), store<usize>(entry, up, 20), store<i32>(entry, count, 36);
}
