import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { errorCode } from '@opengateway/core';
import type { BootstrapDocument, Clock } from '@opengateway/core';
import { READINESS_INTERVAL_MS, RETRY_DELAYS_MS } from '../constants.ts';
import type { RelayClient } from '../api/relay-client.ts';

export type RelayPhase = 'connecting' | 'reachable' | 'unreachable';

/** What is known of the relay. */
export interface RelayState {
  readonly phase: ReadonlySignal<RelayPhase>;
  readonly bootstrap: ReadonlySignal<BootstrapDocument | null>;
  /** Somebody can serve now; null while unknown. */
  readonly ready: ReadonlySignal<boolean | null>;
  readonly roundTripMs: ReadonlySignal<number | null>;
  /** When the next try to reach it begins, milliseconds since the epoch; null while reachable. */
  readonly retryAtMs: ReadonlySignal<number | null>;
  /** What is wrong, for a person; null while nothing is. */
  readonly problem: ReadonlySignal<string | null>;
  /** Resolves with the document as soon as there is one. */
  whenReachable(signal?: AbortSignal): Promise<BootstrapDocument>;
  /** Reads the document again: other relays come and go. Never rejects; a relay out of reach shows at its next look. */
  refresh(): Promise<void>;
  /** Looks now instead of at the next turn. */
  check(): void;
  /** Looks until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Watches one relay: its document once, then whether it is ready; waits longer after each failure. */
export function createRelayState(components: {
  client: RelayClient;
  clock: Clock;
  visible: () => boolean;
}): RelayState {
  const { client, clock, visible } = components;
  const phase = signal<RelayPhase>('connecting');
  const bootstrap = signal<BootstrapDocument | null>(null);
  const ready = signal<boolean | null>(null);
  const roundTripMs = signal<number | null>(null);
  const retryAtMs = signal<number | null>(null);
  const problem = signal<string | null>(null);
  let failures = 0;
  let wake = new AbortController();

  const look = async () => {
    // The document is asked for again after every gap: a relay that came back may have another identity.
    if (bootstrap.value === null || failures > 0) bootstrap.value = (await client.bootstrap()).document;
    const answer = await client.ready();
    batch(() => {
      ready.value = answer.ready;
      roundTripMs.value = answer.roundTripMs;
      phase.value = 'reachable';
      retryAtMs.value = null;
      problem.value = null;
    });
    failures = 0;
  };

  const fail = (error: unknown): number => {
    const delay = RETRY_DELAYS_MS[Math.min(failures, RETRY_DELAYS_MS.length - 1)] ?? READINESS_INTERVAL_MS;
    failures += 1;
    batch(() => {
      phase.value = 'unreachable';
      ready.value = null;
      retryAtMs.value = clock.now() + delay;
      problem.value =
        errorCode(error) === undefined ? 'Looking at the relay failed.' : String((error as Error).message);
    });
    return delay;
  };

  return {
    phase: computed(() => phase.value),
    bootstrap: computed(() => bootstrap.value),
    ready: computed(() => ready.value),
    roundTripMs: computed(() => roundTripMs.value),
    retryAtMs: computed(() => retryAtMs.value),
    problem: computed(() => problem.value),
    whenReachable: (abort) =>
      new Promise((resolve, reject) => {
        let end: (() => void) | undefined;
        const stop = () => {
          end?.();
          reject(abort?.reason);
        };
        end = bootstrap.subscribe((document) => {
          if (document === null) return;
          abort?.removeEventListener('abort', stop);
          queueMicrotask(() => end?.());
          resolve(document);
        });
        abort?.addEventListener('abort', stop, { once: true });
      }),
    async refresh() {
      try {
        const { document } = await client.bootstrap();
        if (JSON.stringify(document) !== JSON.stringify(bootstrap.value)) bootstrap.value = document;
      } catch {
        // The next look tells what is wrong, and when it is tried again.
      }
    },
    check: () => wake.abort(),
    async run(abort) {
      while (!abort.aborted) {
        let delay = READINESS_INTERVAL_MS;
        if (visible() || phase.value !== 'reachable') {
          try {
            await look();
          } catch (error) {
            delay = fail(error);
          }
        }
        wake = new AbortController();
        // Woken early or ended: both only mean that the wait is over.
        await clock.sleep(delay, AbortSignal.any([abort, wake.signal])).catch(() => undefined);
      }
    },
  };
}
