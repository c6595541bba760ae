import type { NumberedChunks } from './model-chunks.ts';
import type { JoinedModel } from './types.ts';
import type { Clock } from '../clock.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';

export interface DownloadComponents {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  /** Peers that say they have something of a model. */
  candidates(manifest: ManifestHash): readonly PeerName[];
  /** Opens a stream of the weights protocol. @throws what dialling throws */
  openChannel(peer: PeerName, options: { signal: AbortSignal }): Promise<ByteChannel>;
}

export interface DownloadInit {
  readonly model: JoinedModel;
  readonly chunks: NumberedChunks;
  /** A chunk is here and may be given to others. */
  onKept(chunk: number): void;
  onReceived(peer: PeerName, bytes: number): void;
}
