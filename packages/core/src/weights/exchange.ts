import {
  DEFAULT_UPLOAD_BYTES_PER_SECOND,
  FIRST_WORD_MS,
  IDLE_UPLOAD_MS,
  MAX_EXCHANGED_MODELS,
  MAX_UPLOADS_AT_ONCE,
  MAX_UPLOAD_STREAMS,
  MAX_WANT_BYTES,
  READ_AHEAD_BYTES,
} from './constants.ts';
import { ChunkSet } from './chunk-set.ts';
import { ChunkDownload } from './download.ts';
import { BadSourceError, ExchangeLeftError, SourceDroppedError } from './errors.ts';
import { createLedger } from './ledger.ts';
import { helloSchema } from './messages.ts';
import { numberFiles } from './model-chunks.ts';
import { RateMeter } from './rate-meter.ts';
import { startUpload } from './upload.ts';
import { createUploadLimit } from './upload-limit.ts';
import { createTurns } from '../p2p/turns.ts';
import { createByteChannel } from '../wire/byte-channel.ts';
import { withDeadline } from '../wire/deadline.ts';
import { messagesOf } from '../wire/message-channel.ts';
import type { Stream } from '@libp2p/interface';
import type { DownloadComponents } from './download-types.ts';
import type { ModelExchange, WeightsExchange } from './types.ts';
import type { SharedChunks, Upload } from './upload.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import type { ManifestHash, PeerName } from '../ids.ts';

export interface WeightsExchangeComponents extends Omit<DownloadComponents, 'openChannel'> {
  /** Opens a stream of the weights protocol. @throws what dialling throws */
  openStream(peer: PeerName, options: { signal: AbortSignal }): Promise<Stream>;
}

export interface WeightsExchangeInit {
  /** @default DEFAULT_UPLOAD_BYTES_PER_SECOND */
  readonly uploadBytesPerSecond?: number;
}

/** The exchange with its side towards the network. */
export interface ServedWeightsExchange extends WeightsExchange {
  /** Takes a stream that a peer opened. Never rejects. */
  handle(stream: Stream, peer: PeerName): Promise<void>;
  stop(): void;
}

interface Joined {
  readonly shared: SharedChunks;
  readonly exchange: ModelExchange;
  onSent(bytes: number): void;
}

interface RunningUpload {
  readonly peer: PeerName;
  readonly manifest: ManifestHash;
  readonly upload: Upload;
}

/**
 * @example
 * const exchange = createWeightsExchange({ clock, random, candidates, openStream });
 * const model = exchange.join({ manifest, hash, local, server });
 */
export function createWeightsExchange(
  components: WeightsExchangeComponents,
  init: WeightsExchangeInit = {},
): ServedWeightsExchange {
  const { clock, openStream } = components;
  const limit = createUploadLimit({ clock }, init.uploadBytesPerSecond ?? DEFAULT_UPLOAD_BYTES_PER_SECOND);
  const turns = createTurns({ atOnce: MAX_UPLOADS_AT_ONCE, waiting: MAX_UPLOAD_STREAMS });
  const ledger = createLedger();
  const uploadRate = new RateMeter(clock);
  const joined = new Map<ManifestHash, Joined>();
  const uploads = new Set<RunningUpload>();
  let greeting = 0;
  let uploadedBytes = 0;

  const openChannel: DownloadComponents['openChannel'] = async (peer, options) =>
    channelOf(await openStream(peer, options));

  /** One stream per peer and model; when all are taken, the place of one that asks for nothing. */
  const makeRoom = (peer: PeerName, manifest: ManifestHash) => {
    for (const other of uploads) {
      if (other.peer === peer && other.manifest === manifest) leave(other, 'The peer opened another stream.');
    }
    if (uploads.size < MAX_UPLOAD_STREAMS) return;
    const [idle] = [...uploads]
      .filter(({ upload }) => !upload.busy && clock.now() - upload.askedMs >= IDLE_UPLOAD_MS)
      .sort((a, b) => a.upload.askedMs - b.upload.askedMs);
    if (idle === undefined) throw new SourceDroppedError('Too many peers get weights from here.');
    leave(idle, 'Others need the place.');
  };
  const leave = (running: RunningUpload, message: string) => {
    uploads.delete(running);
    running.upload.close(new SourceDroppedError(message));
  };

  const greet = async (channel: ByteChannel) => {
    if (greeting >= MAX_UPLOAD_STREAMS) throw new SourceDroppedError('Too many peers say nothing.');
    greeting += 1;
    try {
      return await withDeadline({ clock, ms: FIRST_WORD_MS, error: tooLate }, (signal) =>
        messagesOf(channel).receive(helloSchema, { maxBytes: MAX_WANT_BYTES, signal }),
      );
    } finally {
      greeting -= 1;
    }
  };

  return {
    join(model) {
      const { hash, local } = model;
      const chunks = numberFiles(model.manifest);
      joined.get(hash)?.exchange.leave();
      if (joined.size >= MAX_EXCHANGED_MODELS) throw new RangeError('Too many models are exchanged.');
      const shared: SharedChunks = {
        have: new ChunkSet(chunks.count, local.kept),
        sent: new Uint32Array(chunks.count),
        read: (chunk) => local.read(chunk),
      };
      const own = () => [...uploads].filter(({ manifest }) => manifest === hash);
      let sentBytes = 0;
      const download = new ChunkDownload(
        { ...components, openChannel },
        {
          model,
          chunks,
          onKept(chunk) {
            if (shared.have.add(chunk)) for (const { upload } of own()) upload.added(chunk);
          },
          onReceived: ledger.received,
        },
      );
      const entry: Joined = {
        shared,
        onSent: (bytes) => {
          sentBytes += bytes;
        },
        exchange: {
          want: (chunk) => download.want(chunk),
          lose: (chunk) => void shared.have.delete(chunk),
          fetchOnlyWanted: () => download.fetchOnlyWanted(),
          stats: () => ({
            fromPeersBytes: download.received.peer,
            fromServerBytes: download.received.server,
            uploadedBytes: sentBytes,
            uploadBytesPerSecond: uploadRate.bytesPerSecond(),
            ...download.figures(),
          }),
          leave() {
            download.end();
            if (joined.get(hash) !== entry) return;
            joined.delete(hash);
            for (const running of own()) {
              uploads.delete(running);
              running.upload.close(new ExchangeLeftError());
            }
          },
        },
      };
      joined.set(hash, entry);
      return entry.exchange;
    },
    async handle(stream, peer) {
      const channel = channelOf(stream);
      try {
        const hello = await greet(channel);
        const manifest = hello?.manifest as ManifestHash | undefined;
        const model = manifest === undefined ? undefined : joined.get(manifest);
        if (manifest === undefined || model === undefined) throw new BadSourceError('That model is not shared here.');
        if (limit.bytesPerSecond() === 0) throw new SourceDroppedError(NOTHING_GIVEN);
        makeRoom(peer, manifest);
        const upload = startUpload(channel, model.shared, {
          clock,
          limit,
          turns,
          onSent(bytes) {
            uploadedBytes += bytes;
            model.onSent(bytes);
            uploadRate.add(bytes);
            ledger.sent(peer, bytes);
          },
        });
        const running = { peer, manifest, upload };
        uploads.add(running);
        await upload.ended;
        uploads.delete(running);
      } catch (error) {
        channel.abort(error instanceof Error ? error : new SourceDroppedError('The stream failed.'));
      }
    },
    uploadBytesPerSecond: () => limit.bytesPerSecond(),
    setUploadBytesPerSecond(bytesPerSecond) {
      limit.set(bytesPerSecond);
      if (bytesPerSecond === 0) for (const running of uploads) leave(running, NOTHING_GIVEN);
    },
    uploadedBytes: () => uploadedBytes,
    accounts: () => ledger.accounts(),
    stop() {
      for (const { exchange } of joined.values()) exchange.leave();
    },
  };
}

const channelOf = (stream: Stream): ByteChannel => createByteChannel(stream, { readAheadBytes: READ_AHEAD_BYTES });

const NOTHING_GIVEN = 'This device gives nothing to peers now.';

const tooLate = () => new SourceDroppedError('No first message came in time.');
