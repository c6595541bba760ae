import { SAME_SIGNAL_MS } from './constants.ts';

/** Calls `stop` at the first SIGTERM or SIGINT and ends the process at the second. */
export function onStopSignals(stop: () => Promise<void>): void {
  let askedMs: number | undefined;
  const handle = (): void => {
    const nowMs = performance.now();
    if (askedMs !== undefined) {
      if (nowMs - askedMs > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    askedMs = nowMs;
    void stopAndExit(stop);
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

async function stopAndExit(stop: () => Promise<void>): Promise<never> {
  try {
    await stop();
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
