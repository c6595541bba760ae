import type { ChunkSet } from './chunk-set.ts';
import type { PeerAccount } from './ledger.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ChunkSource } from '../models/chunk-source.ts';
import type { ModelManifest } from '../models/manifest.ts';

export type ChunkOrigin = 'peer' | 'server';

/** The chunks of one model on this device: in a worker's store, in a folder, in memory. */
export interface LocalChunks {
  /** To be fetched, in the exchange's order. */
  readonly wanted: ChunkSet;
  /** Here already: not fetched, and given to peers. */
  readonly kept: ChunkSet;
  /**
   * Takes a verified chunk. `bytes` belongs to it from now on; where it gives back an array of `CHUNK_BYTES`, the next
   * chunk is put into that.
   */
  take(
    chunk: number,
    bytes: Uint8Array<ArrayBuffer>,
    origin: ChunkOrigin,
  ): Promise<{
    /** Whether it can be given to others from now on. */
    readonly kept: boolean;
    readonly buffer?: Uint8Array<ArrayBuffer> | undefined;
  }>;
  /** A chunk that was kept, verified; undefined where it is gone or went bad. */
  read(chunk: number): Promise<Uint8Array | undefined>;
  /** Nobody has had what lacks for `NO_SOURCE_MS`. It goes on being looked for. */
  onUnavailable(error: Error): void;
}

export interface JoinedModel {
  readonly manifest: Pick<ModelManifest, 'id' | 'files'>;
  /** Identity of these files. */
  readonly hash: ManifestHash;
  /** Identity of the model that peers with these files announce. @default `hash` */
  readonly announced?: ManifestHash | undefined;
  readonly local: LocalChunks;
  /** Where chunks come from that no peer has. @default peers only */
  readonly server?: ChunkSource | undefined;
}

/** Figures of one model's exchange on this device, since it began. */
export interface WeightsStats {
  readonly fromPeersBytes: number;
  readonly fromServerBytes: number;
  readonly uploadedBytes: number;
  /** Peers that are connected and have something of it. */
  readonly peers: number;
  /** Chunks coming in, from everywhere, over the last seconds. */
  readonly bytesPerSecond: number;
  /** Of what is wanted. */
  readonly missingBytes: number;
  /** To all peers, of all models, over the last seconds. */
  readonly uploadBytesPerSecond: number;
}

/** This device's part in the exchange of one model. */
export interface ModelExchange {
  /** Fetches a chunk before all others, wanted until now or not. */
  want(chunk: number): void;
  /** A kept chunk is gone or went bad: it is not given to others until it was fetched anew. */
  lose(chunk: number): void;
  /** Fetches nothing but what `want` asks for from now on. */
  fetchOnlyWanted(): void;
  stats(): WeightsStats;
  /** Ends it, what is under way included. Idempotent. */
  leave(): void;
}

/** Trades chunks of models with peers. */
export interface WeightsExchange {
  /** Takes part in the exchange of a model; what was joined of the same model before is left. */
  join(model: JoinedModel): ModelExchange;
  /** What peers together get per second at most. */
  uploadBytesPerSecond(): number;
  /** @param bytesPerSecond `Infinity` for no limit, 0 to give nothing */
  setUploadBytesPerSecond(bytesPerSecond: number): void;
  /** Sent to peers since the start, of all models. */
  uploadedBytes(): number;
  /** What this device and each peer gave each other. */
  accounts(): ReadonlyMap<PeerName, PeerAccount>;
}
