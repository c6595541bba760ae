import { LOADING_SNAPSHOT_GAP_MS } from './constants.ts';
import type { Clock } from '../clock.ts';
import type { ContributorLoadProgress } from './engine.ts';
import type { LoadingProgress } from './types.ts';

/**
 * Turns what an engine says while it loads into what people are shown, at most every `LOADING_SNAPSHOT_GAP_MS`, and
 * always the last.
 */
export function followLoading(
  clock: Clock,
  report: (loading: LoadingProgress, isComplete: boolean) => void,
): (progress: ContributorLoadProgress) => void {
  const startedMs = clock.now();
  let lastMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (progress.type !== 'weights-progress') return;
    const nowMs = clock.now();
    const { doneBytes, totalBytes, fetchedBytes, sources, storeFailure } = progress;
    const isComplete = doneBytes === totalBytes;
    if (!isComplete && nowMs - lastMs < LOADING_SNAPSHOT_GAP_MS) return;
    lastMs = nowMs;
    const { fromPeersBytes = 0, fromServerBytes = fetchedBytes, peers = 0 } = sources ?? {};
    const bytesPerSecond = sources?.bytesPerSecond || (doneBytes * 1000) / Math.max(1, nowMs - startedMs);
    const sums = { doneBytes, totalBytes, fetchedBytes, bytesPerSecond, fromPeersBytes, fromServerBytes, peers };
    report(storeFailure === undefined ? sums : { ...sums, storeFailure }, isComplete);
  };
}
