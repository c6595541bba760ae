import type { ModelArchitecture } from '@opengateway/core';
import { PAGE_POSITIONS } from './kv-pages.ts';
import type { LinearMemory } from './memory.ts';

/** Of the control block's header and of each of its entries (assembly/jobs.ts). */
const HEADER_BYTES = 256;
const ENTRY_BYTES = 64;
/** Query heads computed over one read of the keys: rows of a thread's scores (assembly/attention.ts). */
const SCORE_ROWS = 4;
/** Products added before one `runJobs`: query, key and value. Attention adds one job per sequence. */
const MIN_ENTRIES = 3;

/** Bytes of one row of attention scores: any context, in whole pages. */
export const scoresStride = ({ contextLength }: ModelArchitecture): number =>
  Math.ceil(contextLength / PAGE_POSITIONS) * PAGE_POSITIONS * 4;

/** Where the threads find their work, and each its scratch. */
export interface JobMemory {
  readonly control: number;
  readonly scores: readonly number[];
}

export function allocateJobMemory(
  memory: LinearMemory,
  architecture: ModelArchitecture,
  { threads, maxSequences }: { threads: number; maxSequences: number },
): JobMemory {
  const control = memory.allocate(HEADER_BYTES + ENTRY_BYTES * Math.max(MIN_ENTRIES, maxSequences));
  const scores = Array.from({ length: threads }, () => memory.allocate(SCORE_ROWS * scoresStride(architecture)));
  return { control, scores };
}
