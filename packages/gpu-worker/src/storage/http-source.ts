import { CHUNK_BYTES, SourceUnavailableError, chunkLength, systemClock } from '@opengateway/core';
import { FETCH_ATTEMPT_TIMEOUT_MS, FIRST_RETRY_DELAY_MS, MAX_FETCH_ATTEMPTS } from './constants.ts';
import { RangeFetchError, fetchRange } from './fetch-range.ts';
import type { ChunkSource, Clock, ManifestFile, ReadChunkOptions } from '@opengateway/core';

export interface HttpSourceComponents {
  /** @default the host's */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

export interface HttpSourceInit {
  /** Weights files lie below it under their own names. */
  readonly baseUrl: string;
  /** Where a file lies that does not. @default none is elsewhere */
  readonly elsewhere?: (file: ManifestFile) => string | undefined;
  /** Per chunk and address. @default 4 */
  readonly maxAttempts?: number;
  /** @default 250 */
  readonly firstRetryDelayMs?: number;
  /** @default 60_000 */
  readonly attemptTimeoutMs?: number;
}

/**
 * Chunks from a server that answers range requests; then from the `https` addresses that the manifest lists.
 *
 * What another attempt may cure (no connection, 5xx, 429, a body cut short) is tried again with growing
 * pauses, what it cannot (404, no ranges) is not.
 *
 * @throws (from `readChunk`) SourceUnavailableError with the last failure as its cause.
 */
export function createHttpSource(init: HttpSourceInit, components: HttpSourceComponents = {}): ChunkSource {
  const clock = components.clock ?? systemClock;
  const request = components.fetch ?? ((input, options) => fetch(input, options));
  const { maxAttempts = MAX_FETCH_ATTEMPTS, attemptTimeoutMs = FETCH_ATTEMPT_TIMEOUT_MS } = init;

  return {
    async readChunk(file, index, { signal, buffer = new Uint8Array(CHUNK_BYTES) }: ReadChunkOptions = {}) {
      const range = { start: index * CHUNK_BYTES, length: chunkLength(file, index), total: file.bytes };
      let delayMs = init.firstRetryDelayMs ?? FIRST_RETRY_DELAY_MS;
      let addresses = addressesOf(file, init);
      let last: unknown;
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const worthAnother: string[] = [];
        for (const address of addresses) {
          signal?.throwIfAborted();
          const deadline = AbortSignal.timeout(attemptTimeoutMs);
          try {
            return await fetchRange(request, address, range, {
              buffer,
              signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
            });
          } catch (error) {
            signal?.throwIfAborted();
            last = error;
            if (!(error instanceof RangeFetchError) || error.retryable) worthAnother.push(address);
          }
        }
        addresses = worthAnother;
        if (addresses.length === 0 || attempt === maxAttempts) break;
        await clock.sleep(delayMs, signal);
        delayMs *= 2;
      }
      throw new SourceUnavailableError(`Chunk ${index} of ${file.name} could not be fetched: ${reason(last)}`, {
        cause: last,
      });
    },
  };
}

function addressesOf(file: ManifestFile, { baseUrl, elsewhere }: HttpSourceInit): string[] {
  const own = elsewhere?.(file) ?? `${baseUrl}${baseUrl.endsWith('/') ? '' : '/'}${file.name}`;
  return [own, ...(file.sources ?? []).filter((source) => source.startsWith('https://'))];
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : 'no address answered');
