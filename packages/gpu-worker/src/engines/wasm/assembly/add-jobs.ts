// Jobs of the next batch, cut into chunks. Arguments are those of the kernels.
import { scaleQueries } from './attention';
import { swiglu } from './elementwise';
import {
  ATTENTION, CHUNKS, ENTRIES, ENTRY, MATMUL_F16, MATMUL_F32, MATMUL_Q4, MATMUL_Q8, PHASES, PHASE_STARTS, SCORES, SWIGLU,
  SWIGLU_FLOATS_PER_UNIT, VALUES, WEIGHTS, control, entries, threads,
} from './job-block';

/**
 * Most blocks of 32 columns x 4 rows x 1 input per chunk: some 2 us of work. A thread finds a chunk's job and place anew,
 * and what is left at the end is shared out by chunks.
 */
const BLOCKS_PER_CHUNK: i32 = 432;
const MIN_GROUPS_PER_CHUNK: i32 = 8;

/** Positions below which one position's attention is not worth two more meetings of the threads. */
const MIN_SPLIT_LENGTH: i32 = 64;
/** Most pages of one key head, and most blocks of 8 dimensions of one value head, per chunk: a few us of work. */
const PAGES_PER_CHUNK: i32 = 4;
const DIMENSION_BLOCKS_PER_CHUNK: i32 = 4;

/** What is added from here on waits for all that was added before. */
function nextPhase(): void {
  const phase = load<i32>(control, PHASES) + 1;
  store<i32>(control, phase, PHASES);
  store<i32>(control + PHASE_STARTS + ((<usize>phase) << 2), load<i32>(control, CHUNKS));
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
