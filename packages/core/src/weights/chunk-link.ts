import { ChunkSet } from './chunk-set.ts';
import { FIRST_WORD_MS, MAX_HAVE_BYTES } from './constants.ts';
import { BadSourceError, SourceDroppedError } from './errors.ts';
import { shareMessageSchema } from './messages.ts';
import type { ShareMessage } from './messages.ts';
import type { NumberedChunks } from './model-chunks.ts';
import { withDeadline } from '../wire/deadline.ts';
import { messagesOf } from '../wire/message-channel.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import type { Clock } from '../clock.ts';
import type { ManifestHash } from '../ids.ts';

export interface ChunkLinkInit {
  readonly manifest: ManifestHash;
  readonly chunks: NumberedChunks;
  readonly clock: Clock;
  /** An array of `CHUNK_BYTES` for a chunk to come. */
  newBuffer(): Uint8Array<ArrayBuffer>;
  /** What the peer has, once; the set is kept up to date from then on. */
  onHave(have: ChunkSet): void;
  onAdded(chunks: readonly number[]): void;
  /** Bytes of a chunk that was asked for. */
  onBytes(chunk: number, bytes: number): void;
  /** A whole chunk, as the peer sent it: not verified. */
  onChunk(chunk: number, bytes: Uint8Array<ArrayBuffer>): void;
  /** The peer does not have it any more, or was asked in time not to send it. The array for it is given back. */
  onRefused(chunk: number, buffer: Uint8Array<ArrayBuffer>, isGone: boolean): void;
}

/** This device's end of a stream on which it gets chunks from a peer. */
export interface ChunkLink {
  /** Asks for a chunk that is not asked for. The caller bounds how many. */
  want(chunk: number): void;
  /** Answered by `onRefused`, or by the chunk where that was quicker. */
  cancel(chunk: number): void;
  close(): void;
  /**
   * Resolves when the peer ended in order.
   *
   * @throws `bad_source`, `malformed_message` or `message_too_large` where the peer broke the protocol, else what
   * the stream throws.
   */
  readonly ended: Promise<void>;
}

interface Asked {
  readonly buffer: Uint8Array<ArrayBuffer>;
  received: number;
}

export function openChunkLink(channel: ByteChannel, init: ChunkLinkInit): ChunkLink {
  const { manifest, chunks, clock } = init;
  const messages = messagesOf(channel);
  const asked = new Map<number, Asked>();
  let have: ChunkSet | undefined;
  let addedCount = 0;

  const send = (message: unknown) => {
    // The stream's end is told by `ended`.
    messages.send(message).catch(() => {});
  };
  const receive = async (): Promise<ShareMessage | undefined> => {
    if (have !== undefined) return messages.receive(shareMessageSchema, { maxBytes: MAX_HAVE_BYTES });
    return withDeadline({ clock, ms: FIRST_WORD_MS, error: tooLate }, (signal) =>
      messages.receive(shareMessageSchema, { maxBytes: MAX_HAVE_BYTES, signal }),
    );
  };
  const askedFor = (chunk: number): Asked => {
    const found = asked.get(chunk);
    if (found === undefined) throw new BadSourceError(`The peer speaks of chunk ${chunk}, which nobody asked it for.`);
    return found;
  };
  const takePiece = async ({ chunk, at, bytes }: Extract<ShareMessage, { type: 'piece' }>) => {
    const piece = askedFor(chunk);
    const length = chunks.at(chunk).bytes;
    if (at !== piece.received || at + bytes > length) throw new BadSourceError('A piece came out of its place.');
    const target = piece.buffer.subarray(at, at + bytes);
    const filled = await channel.read((queue) => queue.takeInto(target));
    if (filled === undefined) throw new BadSourceError('The stream ended inside a piece.');
    piece.received += bytes;
    init.onBytes(chunk, bytes);
    if (piece.received < length) return;
    asked.delete(chunk);
    init.onChunk(chunk, piece.buffer.subarray(0, length));
  };
  const take = async (message: ShareMessage) => {
    if (have === undefined) {
      if (message.type !== 'have') throw new BadSourceError('The peer did not say first what it has.');
      have = ChunkSet.decode(message.bits, chunks.count);
      init.onHave(have);
      return;
    }
    switch (message.type) {
      case 'have':
        throw new BadSourceError('The peer told twice what it has.');
      case 'added': {
        if (message.chunks.some((chunk) => chunk >= chunks.count)) throw new BadSourceError('No such chunk.');
        // One that went bad there and was fetched anew is added a second time.
        addedCount += message.chunks.length;
        if (addedCount > 2 * chunks.count) throw new BadSourceError('More was added than there is.');
        return init.onAdded(message.chunks.filter((chunk) => have?.add(chunk)));
      }
      case 'refused': {
        const { buffer } = askedFor(message.chunk);
        asked.delete(message.chunk);
        const isGone = !message.cancelled && have.delete(message.chunk);
        return init.onRefused(message.chunk, buffer, isGone);
      }
      case 'piece':
        return takePiece(message);
      default:
        return message satisfies never;
    }
  };
  const run = async () => {
    try {
      await messages.send({ type: 'hello', v: 1, manifest });
      for (;;) {
        const message = await receive();
        if (message === undefined) return await channel.close();
        await take(message);
      }
    } catch (error) {
      channel.abort(error instanceof Error ? error : new SourceDroppedError('The stream failed.'));
      throw error;
    }
  };

  return {
    want(chunk) {
      asked.set(chunk, { buffer: init.newBuffer(), received: 0 });
      send({ type: 'want', chunk });
    },
    cancel: (chunk) => send({ type: 'cancel', chunk }),
    close: () => channel.abort(new SourceDroppedError('The chunks are not wanted any more.')),
    ended: run(),
  };
}

const tooLate = () => new SourceDroppedError('The peer did not tell in time what it has.');
