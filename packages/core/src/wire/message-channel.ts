import type { Stream } from '@libp2p/interface';
import type * as z from 'zod/mini';
import { createByteChannel } from './byte-channel.ts';
import type { ByteChannel } from './byte-channel.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { addLengthPrefix, takeMessage } from './length-prefix.ts';

interface ReceiveOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** Length-prefixed CBOR messages over one libp2p stream, with back-pressure both ways. */
export interface MessageChannel extends Pick<ByteChannel, 'ended' | 'close' | 'abort'> {
  /**
   * Sends one message and resolves when the stream takes more.
   * @throws what the stream throws when it is closed or reset.
   */
  send(message: unknown, options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * The next message; undefined where the other side ended in order. One call at a time. Messages that
   * came before a reset are still delivered.
   *
   * @throws `malformed_message`, `message_too_large`, the stream's error, or the signal's reason.
   */
  receive<Schema extends z.ZodMiniType>(schema: Schema, options: ReceiveOptions): Promise<z.output<Schema> | undefined>;
}

/**
 * @param init.readAheadBytes Bytes held before the stream is paused, so that a reader that does not read
 * stops the writer; at least the largest message expected.
 */
export const createMessageChannel = (stream: Stream, init: { readAheadBytes: number }): MessageChannel =>
  messagesOf(createByteChannel(stream, init));

/** Messages on a channel that carries other units too. */
export const messagesOf = (channel: ByteChannel): MessageChannel => ({
  ended: channel.ended,
  send: (message, options) => channel.write(addLengthPrefix(encodeMessage(message)), options),
  receive: (schema, { maxBytes, signal }) =>
    channel.read(
      (queue) => {
        const bytes = takeMessage(queue, maxBytes);
        return bytes === undefined ? undefined : decodeMessage(schema, bytes, maxBytes);
      },
      { signal },
    ),
  close: (options) => channel.close(options),
  abort: (error) => channel.abort(error),
});
