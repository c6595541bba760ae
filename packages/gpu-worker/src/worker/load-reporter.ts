import { toWire } from '@opengateway/core';
import { PROGRESS_INTERVAL_MS } from './constants.ts';
import type { Clock } from '@opengateway/core';
import type { LoadProgress } from '../api.ts';
import type { OpenedWeights } from './weights-platform.ts';

/** Tells how far a load is, at most every `PROGRESS_INTERVAL_MS`, and always when all is read. */
export interface LoadReporter {
  /** What the engine has read. */
  read(doneBytes: number, totalBytes: number): void;
  /** Something came that the engine may not have asked for yet. */
  fetched(): void;
}

export function createLoadReporter(
  clock: Clock,
  weights: Pick<OpenedWeights, 'fetchedBytes' | 'progress' | 'storeFailure'>,
  onProgress: (progress: LoadProgress) => void,
): LoadReporter {
  let lastMs = Number.NEGATIVE_INFINITY;
  let readBytes = 0;
  /** Of the tensors, which is less than of the chunks that hold them; not known before the first read. */
  let totalBytes = 0;

  const report = () => {
    const nowMs = clock.now();
    if (readBytes < totalBytes && nowMs - lastMs < PROGRESS_INTERVAL_MS) return;
    lastMs = nowMs;
    const failure = weights.storeFailure?.();
    onProgress({
      type: 'weights-progress',
      doneBytes: doneBytes(),
      totalBytes,
      fetchedBytes: weights.fetchedBytes(),
      ...(failure === undefined ? {} : { storeFailure: toWire(failure) }),
    });
  };
  /** Chunks come in an order of their own and are read in another: what is here counts, all of it once it is read. */
  const doneBytes = () => {
    const { hereBytes = 0, wantedBytes = 0 } = weights.progress?.() ?? {};
    if (readBytes === totalBytes || wantedBytes === 0) return readBytes;
    const share = Math.floor((hereBytes / wantedBytes) * totalBytes);
    return Math.max(readBytes, Math.min(share, totalBytes - 1));
  };
  return {
    read(done, total) {
      readBytes = done;
      totalBytes = total;
      report();
    },
    fetched() {
      if (totalBytes > 0) report();
    },
  };
}
