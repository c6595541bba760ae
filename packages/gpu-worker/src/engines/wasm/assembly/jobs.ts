// The parallel parts of a forward pass: products, attention and activations are cut into chunks that any thread may
// take. Who computes a chunk does not change its bits. Without threads the one caller takes them all.
//
// A batch has one phase or several. The chunks of a phase are cut into one run of neighbours per thread, for memory is
// read faster from end to end than in turns; a thread that is done with its own run helps with those of the others. A
// phase begins when all chunks of the phases before it are done, whoever computes them.
import {
  ACTIVE, CHUNKS, DONE, ENTRIES, ENTRY, EPOCH, EXPECTED, EXPECTED_BYTES, HEADER, LINE, OPEN, PHASES, SLEEPERS, STOP,
  control, entries, phaseStart, thread, threads,
} from './job-block';
import { runJob } from './run-job';

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

/** Computes a chunk of this entry or a later one; returns which. */
function runChunk(entry: usize, chunk: i32): usize {
  while (chunk >= load<i32>(entry, 60)) entry += ENTRY;
  const perChunk = load<i32>(entry, 12), first = (chunk - load<i32>(entry, 4)) * perChunk;
  runJob(entry, first, min(perChunk, load<i32>(entry, 8) - first));
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
