import { bootstrapSchema, systemClock } from '@opengateway/core';
import { MAX_BOOTSTRAP_BYTES, RELAY_CHECK_INTERVAL_MS, RELAY_CHECK_TIMEOUT_MS } from './constants.ts';
import { fetchBytes } from './fetch-bytes.ts';
import type { Clock, KnownRelay } from '@opengateway/core';
import type { Logger } from 'pino';

/** What the relays of other regions serve, as far as they said so within the last minutes. */
export interface RelayDirectory {
  /** Relays that serve a model, by its name. */
  relaysWith(model: string): readonly KnownRelay[];
  /** Resolves when every relay was asked once. */
  readonly asked: Promise<void>;
  stop(): void;
}

/**
 * Asks the relays that the operator named for their bootstrap, at once and every minute, so that a request which
 * cannot be served here can be told where to go. Nothing else is asked of them, and nobody else is.
 */
export function createRelayDirectory(
  { logger, clock = systemClock }: { readonly logger: Logger; readonly clock?: Clock },
  relays: readonly KnownRelay[],
): RelayDirectory {
  const stopped = new AbortController();
  const { signal } = stopped;
  const served = new Map<KnownRelay, ReadonlySet<string>>();

  const ask = async (relay: KnownRelay): Promise<void> => {
    try {
      served.set(relay, await fetchServed(relay, signal));
    } catch (error) {
      served.delete(relay);
      if (!signal.aborted) logger.debug({ err: error, relay: relay.url }, 'another relay does not answer');
    }
  };
  const askAll = async (): Promise<void> => {
    await Promise.all(relays.map(ask));
  };
  const asked = askAll();
  const repeat = async (): Promise<void> => {
    await asked;
    while (relays.length > 0 && !signal.aborted) {
      // Rejects only when stopped, which the loop's condition sees.
      await clock.sleep(RELAY_CHECK_INTERVAL_MS, signal).catch(() => undefined);
      if (!signal.aborted) await askAll();
    }
  };
  void repeat();
  return {
    relaysWith: (model) => relays.filter((relay) => served.get(relay)?.has(model) === true),
    asked,
    stop: () => stopped.abort(),
  };
}

async function fetchServed(relay: KnownRelay, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const bytes = await fetchBytes(`${relay.url}/bootstrap`, {
    maxBytes: MAX_BOOTSTRAP_BYTES,
    timeoutMs: RELAY_CHECK_TIMEOUT_MS,
    signal,
  });
  const { region, serving } = bootstrapSchema.parse(
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
  );
  if (region !== relay.region) throw new Error(`It says that it serves ${region}, RELAYS says ${relay.region}.`);
  return new Set(serving);
}
