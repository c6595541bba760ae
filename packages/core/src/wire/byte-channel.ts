import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import { ByteQueue } from './byte-queue.ts';
import { MalformedMessageError } from './errors.ts';
import { raceAbort } from './race-abort.ts';

/** The bytes of one libp2p stream, taken out in whole units, with back-pressure both ways. */
export interface ByteChannel {
  /** Aborted when the stream is gone or the other side says it will write no more. */
  readonly ended: AbortSignal;
  /**
   * Sends bytes and resolves when the stream takes more.
   * @throws what the stream throws when it is closed or reset.
   */
  write(bytes: Uint8Array, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * The next unit that `parse` takes off the queue (undefined: still incomplete); undefined where the other side
   * ended in order. One call at a time. What came before a reset is still delivered.
   *
   * @throws what `parse` throws, `malformed_message` where the stream ended inside a unit, the stream's error, or
   * the signal's reason.
   */
  read<Unit>(
    parse: (queue: ByteQueue) => Unit | undefined,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<Unit | undefined>;
  /** Ends in order once everything sent is on its way. */
  close(options?: { signal?: AbortSignal }): Promise<void>;
  /** Resets the stream at once. Idempotent. */
  abort(error: Error): void;
}

/**
 * @param init.readAheadBytes Bytes held before the stream is paused, so that a reader that does not read
 * stops the writer; at least the largest unit expected.
 */
export function createByteChannel(stream: Stream, init: { readAheadBytes: number }): ByteChannel {
  const queue = new ByteQueue();
  const ended = new AbortController();
  let failure: Error | undefined;
  let aborted = false;
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  const onMessage = (event: StreamMessageEvent) => {
    queue.push(event.data.subarray());
    if (queue.byteLength > init.readAheadBytes && stream.readStatus === 'readable') stream.pause();
    wake();
  };
  const onClose = (event: StreamCloseEvent) => {
    failure ??= event.error;
    ended.abort(event.error);
    wake();
  };
  const onRemoteCloseWrite = () => {
    ended.abort();
    wake();
  };
  stream.addEventListener('close', onClose);
  stream.addEventListener('remoteCloseWrite', onRemoteCloseWrite);
  stream.addEventListener('message', onMessage);
  if (stream.status !== 'open' || stream.remoteWriteStatus !== 'writable') ended.abort();

  const hasEnded = () =>
    stream.readBufferLength === 0 && (stream.remoteWriteStatus !== 'writable' || stream.status !== 'open');

  return {
    ended: ended.signal,
    async write(bytes, { signal } = {}) {
      signal?.throwIfAborted();
      if (!stream.send(bytes)) await drained(stream, signal);
    },
    async read(parse, { signal } = {}) {
      for (;;) {
        signal?.throwIfAborted();
        if (aborted && failure !== undefined) throw failure;
        const unit = parse(queue);
        if (stream.readStatus === 'paused' && queue.byteLength <= init.readAheadBytes) stream.resume();
        if (unit !== undefined) return unit;
        if (hasEnded()) {
          if (failure !== undefined) throw failure;
          if (queue.byteLength > 0) throw new MalformedMessageError('The stream ended inside a message.');
          return undefined;
        }
        await raceAbort(changed.promise, signal);
      }
    },
    close: (options) => stream.close(options),
    abort(error) {
      aborted = true;
      failure ??= error;
      stream.abort(error);
      wake();
    },
  };
}

/** Resolves when the stream takes more; its own `onDrain` is satisfied for good after the first time. */
async function drained(stream: Stream, signal?: AbortSignal): Promise<void> {
  while (stream.writableNeedsDrain) {
    const next = Promise.withResolvers<void>();
    const onDrain = () => next.resolve();
    const onClose = (event: StreamCloseEvent) => next.reject(event.error ?? new Error('The stream closed.'));
    stream.addEventListener('drain', onDrain);
    stream.addEventListener('close', onClose);
    try {
      if (stream.writeStatus === 'closed') throw new Error('The stream closed.');
      await raceAbort(next.promise, signal);
    } finally {
      stream.removeEventListener('drain', onDrain);
      stream.removeEventListener('close', onClose);
    }
  }
}
