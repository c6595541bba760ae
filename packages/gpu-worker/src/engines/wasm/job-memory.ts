import type { ModelArchitecture } from '@opengateway/core';
import { PAGE_POSITIONS } from './kv-pages.ts';
import type { LinearMemory } from './memory.ts';

/** Of the control block's header, of each line that a thread has per phase, and of each entry (assembly/job-block.ts). */
const HEADER_BYTES = 256;
const LINE_BYTES = 64;
const ENTRY_BYTES = 64;
const MAX_PHASES = 3;
/** Query heads computed over one read of the keys: rows of a thread's scores (assembly/attention.ts). */
const SCORE_ROWS = 4;
/** Products added before one `runJobs`: query, key and value. Attention adds one job per sequence, or three for one. */
const MIN_ENTRIES = 3;

/** Bytes of one row of attention scores: any context, in whole pages. */
export const scoresStride = ({ contextLength }: ModelArchitecture): number =>
  Math.ceil(contextLength / PAGE_POSITIONS) * PAGE_POSITIONS * 4;

/** Where the threads find their work, and each its scratch. */
export interface JobMemory {
  readonly control: number;
  readonly scores: readonly number[];
  /** Scores of all query heads of one position, for threads that share its heads; 0 where heads go round evenly. */
  readonly sharedScores: number;
}

export function allocateJobMemory(
  memory: LinearMemory,
  architecture: ModelArchitecture,
  { threads, maxSequences }: { threads: number; maxSequences: number },
): JobMemory {
  const lines = MAX_PHASES * threads * LINE_BYTES;
  const control = memory.allocate(HEADER_BYTES + lines + ENTRY_BYTES * Math.max(MIN_ENTRIES, maxSequences));
  const scores = Array.from({ length: threads }, () => memory.allocate(SCORE_ROWS * scoresStride(architecture)));
  const shared = sharesHeads(architecture.keyValueHeadCount, threads);
  const sharedScores = shared ? memory.allocate(architecture.queryHeadCount * scoresStride(architecture)) : 0;
  return { control, scores, sharedScores };
}

/** Whether threads that take whole heads would idle for more than a tenth of the attention of one position. */
const sharesHeads = (heads: number, threads: number): boolean => Math.ceil(heads / threads) * threads > 1.1 * heads;
