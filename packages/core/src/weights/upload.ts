import {
  MAX_ADDED_CHUNKS,
  MAX_REFUSALS_PER_STREAM,
  MAX_WANTS_PER_PEER,
  MAX_WANT_BYTES,
  PIECE_BYTES,
  STALLED_READER_MS,
} from './constants.ts';
import { BadSourceError, SourceDroppedError } from './errors.ts';
import { wantMessageSchema } from './messages.ts';
import type { UploadLimit } from './upload-limit.ts';
import type { ChunkSet } from './chunk-set.ts';
import { encodeMessage } from '../wire/codec.ts';
import { withDeadline } from '../wire/deadline.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { messagesOf } from '../wire/message-channel.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import type { Clock } from '../clock.ts';
import type { Turns } from '../p2p/turns.ts';

/** What one model's peers may get from this device. */
export interface SharedChunks {
  readonly have: ChunkSet;
  /** How often each chunk was sent from here. */
  readonly sent: Uint32Array;
  /** The chunk, verified; undefined where it is not there after all. */
  read(chunk: number): Promise<Uint8Array | undefined>;
}

export interface UploadComponents {
  readonly clock: Clock;
  readonly limit: UploadLimit;
  /** Of chunks in memory. */
  readonly turns: Turns;
  onSent(bytes: number): void;
}

/** A peer that gets chunks from this device, after its first message. */
export interface Upload {
  /** When it last asked for something. */
  readonly askedMs: number;
  /** Whether it waits for chunks. */
  readonly busy: boolean;
  added(chunk: number): void;
  close(error: Error): void;
  /** Settles when the stream is over. Never rejects. */
  readonly ended: Promise<void>;
}

export function startUpload(channel: ByteChannel, shared: SharedChunks, components: UploadComponents): Upload {
  const { clock, limit, turns, onSent } = components;
  const messages = messagesOf(channel);
  /** With a mark of its own for each time that a chunk is asked for. */
  const wants = new Map<number, symbol>();
  const over = new AbortController();
  let askedMs = clock.now();
  let refusals = 0;
  let sending = false;
  const added: number[] = [];
  let telling = false;

  const fail = (error: unknown) => {
    const reason = error instanceof Error ? error : new SourceDroppedError('The stream failed.');
    over.abort(reason);
    channel.abort(reason);
  };
  const write = (bytes: Uint8Array) =>
    withDeadline(
      { clock, ms: STALLED_READER_MS, signal: over.signal, error: () => new SourceDroppedError('Nothing is taken.') },
      (signal) => channel.write(bytes, { signal }),
    );
  const refuse = async (chunk: number, cancelled: boolean) => {
    refusals += cancelled ? 0 : 1;
    if (refusals > MAX_REFUSALS_PER_STREAM) throw new BadSourceError('Too much was asked for that is not here.');
    await write(addLengthPrefix(encodeMessage({ type: 'refused', chunk, cancelled })));
  };

  const sendChunk = async (chunk: number | undefined) => {
    if (chunk === undefined) return;
    const want = wants.get(chunk);
    const bytes = shared.have.has(chunk) ? await shared.read(chunk) : undefined;
    if (wants.get(chunk) !== want) return;
    if (bytes === undefined) {
      wants.delete(chunk);
      return refuse(chunk, false);
    }
    shared.sent[chunk]! += 1;
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await limit.take(piece.byteLength, over.signal);
      if (wants.get(chunk) !== want) return;
      const header = addLengthPrefix(encodeMessage({ type: 'piece', chunk, at, bytes: piece.byteLength }));
      const frame = new Uint8Array(header.byteLength + piece.byteLength);
      frame.set(header);
      frame.set(piece, header.byteLength);
      if (at + PIECE_BYTES >= bytes.byteLength) wants.delete(chunk);
      onSent(piece.byteLength);
      await write(frame);
    }
  };
  /** What went out least goes first: peers get from each other what one of them has. */
  const next = (): number | undefined => {
    let least: number | undefined;
    for (const chunk of wants.keys())
      if (least === undefined || shared.sent[chunk]! < shared.sent[least]!) least = chunk;
    return least;
  };
  const sendAll = async () => {
    if (sending) return;
    sending = true;
    try {
      while (wants.size > 0) {
        await turns.take(async () => sendChunk(next()), {
          signal: over.signal,
          refused: () => new SourceDroppedError('Too many peers wait.'),
        });
      }
    } catch (error) {
      fail(error);
    } finally {
      sending = false;
    }
  };
  const tellAll = async () => {
    if (telling) return;
    telling = true;
    try {
      while (added.length > 0) {
        const chunks = added.splice(0, MAX_ADDED_CHUNKS);
        await write(addLengthPrefix(encodeMessage({ type: 'added', chunks })));
      }
    } catch (error) {
      fail(error);
    } finally {
      telling = false;
    }
  };

  const run = async () => {
    try {
      await write(addLengthPrefix(encodeMessage({ type: 'have', bits: shared.have.encode() })));
      for (;;) {
        const message = await messages.receive(wantMessageSchema, { maxBytes: MAX_WANT_BYTES, signal: over.signal });
        if (message === undefined) break;
        const { type, chunk } = message;
        if (type === 'cancel') {
          if (wants.delete(chunk)) await refuse(chunk, true);
          continue;
        }
        if (chunk >= shared.have.size || wants.has(chunk) || wants.size >= MAX_WANTS_PER_PEER) {
          throw new BadSourceError('More was asked for than may be.');
        }
        askedMs = clock.now();
        wants.set(chunk, Symbol('want'));
        void sendAll();
      }
      over.abort(new SourceDroppedError('The peer has what it wanted.'));
      await channel.close();
    } catch (error) {
      fail(error);
    }
  };

  return {
    get askedMs() {
      return askedMs;
    },
    get busy() {
      return wants.size > 0;
    },
    added(chunk) {
      added.push(chunk);
      void tellAll();
    },
    close: fail,
    ended: run(),
  };
}
