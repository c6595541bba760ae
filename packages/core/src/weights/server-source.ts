import { chooseChunk } from './choose-chunk.ts';
import { ChunkSet } from './chunk-set.ts';
import {
  MAX_SERVER_REQUESTS,
  MAX_SERVER_RETRY_MS,
  PEERS_FIRST_MS,
  SERVER_RETRY_MS,
  SLOW_PEERS_AFTER_MS,
  SLOW_PEERS_BYTES_PER_SECOND,
} from './constants.ts';
import type { NumberedChunks } from './model-chunks.ts';
import type { Clock } from '../clock.ts';
import type { ChunkSource } from '../models/chunk-source.ts';

export interface ServerSourceComponents {
  readonly clock: Clock;
  random(): number;
  readonly source: ChunkSource;
  readonly chunks: NumberedChunks;
}

export interface ServerChoice {
  readonly missing: ChunkSet;
  readonly first: Iterable<number>;
  /** How many peers have each chunk. */
  readonly copies: Uint16Array;
  /** Whether peers are known that have not told yet what they have. */
  readonly peersAreComing: boolean;
  /** Of all peers together. */
  readonly bytesPerSecond: number;
  readonly nowMs: number;
}

/** The server as one more source: asked for what no peer has, and helping where peers are slow. */
export interface ServerSource {
  /** Whether it may be asked now. */
  canAsk(): boolean;
  /** The chunk to ask it for now, if any. */
  choose(choice: ServerChoice): number | undefined;
  /**
   * Gives a chunk to `keep`, which verifies it. A server that fails, in that too, is not asked for a while.
   *
   * @throws what the source and `keep` throw
   */
  fetch(
    chunk: number,
    buffer: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
    keep: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<void>;
  /** Why it last failed. */
  failure(): unknown;
}

/** What the server was asked for is missing no more: nothing has to be left out. */
const NOTHING: ReadonlyMap<number, unknown> = new Map();

export function createServerSource({ clock, random, source, chunks }: ServerSourceComponents): ServerSource {
  const startedMs = clock.now();
  const all = new ChunkSet(chunks.count);
  for (let chunk = 0; chunk < chunks.count; chunk++) all.add(chunk);
  let asked = 0;
  let failures = 0;
  let failure: unknown;
  let notBeforeMs = 0;
  const canAsk = () => asked < MAX_SERVER_REQUESTS && clock.now() >= notBeforeMs;

  return {
    canAsk,
    choose({ missing, first, copies, peersAreComing, bytesPerSecond, nowMs }) {
      if (missing.count === 0 || !canAsk()) return undefined;
      if (peersAreComing && nowMs - startedMs < PEERS_FIRST_MS) return undefined;
      const chunk = chooseChunk({ missing, have: all, asked: NOTHING, copies, first, random });
      if (chunk === undefined || copies[chunk] === 0) return chunk;
      const areSlow = nowMs - startedMs >= SLOW_PEERS_AFTER_MS && bytesPerSecond < SLOW_PEERS_BYTES_PER_SECOND;
      return areSlow ? chunk : undefined;
    },
    async fetch(chunk, buffer, signal, keep) {
      const { file, index } = chunks.at(chunk);
      asked += 1;
      try {
        const bytes = await source.readChunk(file, index, { buffer, signal });
        // A source gives a view of the array it was given, or one of its own.
        await keep(bytes as Uint8Array<ArrayBuffer>);
        failures = 0;
      } catch (error) {
        failure = error;
        notBeforeMs = clock.now() + Math.min(MAX_SERVER_RETRY_MS, SERVER_RETRY_MS * 2 ** failures);
        failures += 1;
        throw error;
      } finally {
        asked -= 1;
      }
    },
    failure: () => failure,
  };
}
