import { spawnThread } from '#spawn-thread';
import { OpenGatewayError } from '@opengateway/core';
import type { JobMemory } from './job-memory.ts';

/** What a helper thread is given to start with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly scores: number;
  /** Which thread of how many this is; 0 is the caller's. */
  readonly thread: number;
  readonly threads: number;
}

/** A spawned helper: `ready` settles once it waits for work, or rejects when it cannot; `terminate` is for the latter. */
export interface HelperThread {
  readonly ready: Promise<void>;
  terminate(): void;
}

/** A helper thread could not be started. */
export class ThreadStartError extends OpenGatewayError {
  static override readonly name = 'ThreadStartError';
  constructor(cause: unknown) {
    super('thread_start_failed', 'A compute thread could not be started; use fewer threads.', { cause });
  }
}

/**
 * Starts one helper for every scratch but the first, which is the caller's own. They end by themselves when the kernels'
 * `stopHelpers` is called: to terminate a thread in the middle of a kernel can take the whole process of Node down.
 */
export async function startHelpers(
  { module, memory }: { module: WebAssembly.Module; memory: WebAssembly.Memory },
  { control, scores }: JobMemory,
): Promise<void> {
  const threads = scores.length;
  const helpers = scores.slice(1).map((address, index) => {
    return spawnThread({ module, memory, control, scores: address, thread: index + 1, threads });
  });
  try {
    await Promise.all(helpers.map(({ ready }) => ready));
  } catch (cause) {
    for (const helper of helpers) helper.terminate();
    throw new ThreadStartError(cause);
  }
}
