import { createSampler, systemClock } from '@opengateway/core';
import { expose } from 'comlink';
import { createEngineClientFor, type EngineClient } from '../worker/engine-client.ts';
import { createEngineWorker } from '../worker/engine-worker.ts';
import type { EngineWorkerComponents } from '../worker/engine-worker.ts';

export interface InProcessClient extends Disposable {
  readonly client: EngineClient;
  /** What the worker was told by an engine that broke; a worker of its own would have ended. */
  readonly failures: readonly unknown[];
}

/** The engine worker and its client in one thread, joined by a message channel. It reads no weights. */
export function createInProcessClient(
  components: Pick<EngineWorkerComponents, 'createEngine'> & Partial<EngineWorkerComponents>,
): InProcessClient {
  const ports: MessagePort[] = [];
  const failures: unknown[] = [];
  const client = createEngineClientFor(() => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const worker = createEngineWorker({
      weights: {
        open: async (manifest) => ({
          reader: { manifest, read: () => Promise.reject(new Error('There are no weights here.')) },
          fetchedBytes: () => 0,
          close: async () => {},
        }),
        storedBytes: async () => 0,
        forget: async () => {},
      },
      createSampler,
      clock: systemClock,
      onEngineFailure: (error) => void failures.push(error),
      ...components,
    });
    expose(worker, port2);
    return { endpoint: port1, onFailure: () => {}, terminate: () => port1.close() };
  });
  return {
    client,
    failures,
    [Symbol.dispose]() {
      for (const port of ports) port.close();
    },
  };
}
