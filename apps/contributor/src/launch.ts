import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ContributorLaunch {
  /** Arguments for `process.execPath`. */
  readonly args: readonly string[];
  /** To be set beside the environment there is. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * How a contributor's process is started so that its memory goes to the model: from its build where there
 * is one, with small young generations, and with an allocator that gives buffers back (glibc keeps an arena
 * per thread, and, unless told otherwise, everything below the largest buffer ever freed).
 *
 * Together with the build that is 90 MB less than `node src/main.ts` (SmolLM2 135M, eight answers at once).
 */
export function contributorLaunch(args: readonly string[]): ContributorLaunch {
  const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const main = existsSync(built) ? built : fileURLToPath(new URL('./main.ts', import.meta.url));
  return {
    args: ['--max-semi-space-size=1', '--v8-pool-size=1', main, ...args],
    environment: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', UV_THREADPOOL_SIZE: '2' },
  };
}
