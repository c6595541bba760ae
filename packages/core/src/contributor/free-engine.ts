import { UNLOAD_TIMEOUT_MS } from './constants.ts';
import type { Clock } from '../clock.ts';
import type { ContributorEngine } from './engine.ts';

/** Frees the model; an engine that cannot even do that in time is ended. */
export async function freeEngine<Weights>(
  engine: Pick<ContributorEngine<Weights>, 'unload' | 'terminate'>,
  clock: Clock,
): Promise<void> {
  const timeout = new AbortController();
  const late = clock.sleep(UNLOAD_TIMEOUT_MS, timeout.signal).then(() => engine.terminate());
  // Aborted once the engine is free.
  late.catch(() => {});
  try {
    await Promise.race([engine.unload(), late]);
  } catch {
    // It broke while it was freed: then its worker goes with it.
    await engine.terminate();
  } finally {
    timeout.abort();
  }
}
