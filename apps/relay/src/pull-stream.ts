export interface PullStreamOptions {
  /** Called once, when the stream has ended, failed or been given up by its reader. */
  readonly onEnd: (cancelled: boolean) => void;
  /** Longest wait for the reader to ask for more. */
  readonly stalledMs: number;
  /** The reader took longer: whoever holds the socket should close it. */
  readonly onStalled: () => void;
}

/**
 * A byte stream that takes the next text or bytes from `source` only when its reader asks for it: with a slow
 * reader nothing piles up here, and the source waits.
 */
export function pullStream(
  source: AsyncGenerator<string | Uint8Array, void, undefined>,
  { onEnd, stalledMs, onStalled }: PullStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const end = (cancelled: boolean): void => {
    clearTimeout(timer);
    if (ended) return;
    ended = true;
    onEnd(cancelled);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(timer);
        try {
          const { done, value } = await source.next();
          if (ended) return;
          if (done === true) {
            end(false);
            controller.close();
          } else {
            controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
            timer = setTimeout(onStalled, stalledMs);
          }
        } catch (error) {
          end(false);
          throw error;
        }
      },
      cancel() {
        end(true);
        void source.return().catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
