import type { ChunkLink } from './chunk-link.ts';
import type { ChunkSet } from './chunk-set.ts';
import type { PeerName } from '../ids.ts';

/** A chunk that a source was asked for. */
export interface Request {
  readonly sinceMs: number;
  receivedBytes: number;
  /** It is not waited for any more, though it may still come. */
  cancelled: boolean;
}

/** A peer that chunks are fetched from. */
export interface PeerSource {
  readonly peer: PeerName;
  readonly link: ChunkLink;
  /** Undefined until it has told. */
  have: ChunkSet | undefined;
  readonly requests: Map<number, Request>;
  /** When it last sent anything that was asked for, or was first asked. */
  heardMs: number;
  /** No new chunk is asked of it before. */
  restsUntilMs: number;
}

/** A peer that was just reached. */
export const newSource = (peer: PeerName, link: ChunkLink, nowMs: number): PeerSource => ({
  peer,
  link,
  have: undefined,
  requests: new Map(),
  heardMs: nowMs,
  restsUntilMs: 0,
});
