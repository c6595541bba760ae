import type { Clock } from '../clock.ts';
import type { SessionId } from '../ids.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { BadFrameError, encodeFrame, framePayloadBytes, sessionTag, takeFrame } from '../wire/tensor-frame.ts';
import { LINK_TAKEN_STEP_BYTES, LINK_WINDOW_BYTES } from './constants.ts';
import { endChannel } from './end-channel.ts';
import { SessionCancelledError } from './errors.ts';
import type { LayerInput } from './layer-runner.ts';

/** What goes over one way between two stages: positions `[start, end)` in order, each once. */
export interface LinkSequence {
  readonly session: SessionId;
  readonly carries: 'hidden' | 'token';
  readonly hiddenSize: number;
  readonly start: number;
  readonly end: number;
}

/** The way to the next stage. */
export interface OutgoingLink {
  /** False where a relay carries it. */
  readonly direct: boolean;
  readonly rttMs: number;
  /** Payload sent so far. */
  readonly sentBytes: number;
  /** Resolves when more may be sent. @throws what the stream throws when it is lost, or the signal's reason */
  send(input: LayerInput, options: { signal: AbortSignal }): Promise<void>;
  /** Ends in order, and resets what the receiver does not end too in time. Never rejects. */
  close(): Promise<void>;
  abort(): void;
}

/** The way from the stage before. */
export interface IncomingLink {
  /**
   * The positions that come next; undefined where the sender ended in order. One call at a time; what it gave
   * before counts as taken, and as much may be sent again.
   *
   * @throws `bad_frame` for a frame that is damaged, doubled, late, out of order or of another session: none of it
   * is ever given; what the stream throws when it is lost; the signal's reason.
   */
  receive(options: { signal: AbortSignal }): Promise<LayerInput | undefined>;
  /** Takes nothing more, in order, and resets what the sender does not end too in time. Never rejects. */
  close(): Promise<void>;
  abort(): void;
}

export function createOutgoingLink(
  channel: ByteChannel,
  { direct, rttMs }: { readonly direct: boolean; readonly rttMs: number },
  { session, hiddenSize }: LinkSequence,
  clock: Clock,
): OutgoingLink {
  const tag = sessionTag(session);
  let sentBytes = 0;
  let takenBytes = 0;
  let isTaken = false;
  let failure: unknown;
  let changed = Promise.withResolvers<void>();

  const readTaken = async () => {
    for (;;) {
      const frame = await channel.read((queue) => takeFrame(queue, tag, hiddenSize));
      if (frame === undefined) {
        failure = new SessionCancelledError();
        return changed.resolve();
      }
      if (frame.type !== 'taken') throw new BadFrameError('Only the sender sends.');
      if (isTaken && frame.bytes === 0) throw new BadFrameError('Nothing was taken.');
      isTaken = true;
      takenBytes += frame.bytes;
      if (takenBytes > sentBytes) throw new BadFrameError('More was taken than sent.');
      changed.resolve();
      changed = Promise.withResolvers();
    }
  };
  readTaken().catch((error: unknown) => {
    failure = error;
    channel.abort(error instanceof Error ? error : new SessionCancelledError());
    changed.resolve();
  });

  return {
    direct,
    rttMs,
    get sentBytes() {
      return sentBytes;
    },
    async send(input, { signal }) {
      const bytes = framePayloadBytes(input);
      const hasRoom = () =>
        sentBytes === takenBytes || (isTaken && sentBytes - takenBytes + bytes <= LINK_WINDOW_BYTES);
      for (;;) {
        if (failure !== undefined) throw failure;
        if (hasRoom()) break;
        await raceAbort(changed.promise, signal);
      }
      sentBytes += bytes;
      await channel.write(encodeFrame(input, tag), { signal });
    },
    close: () => endChannel(channel, clock),
    abort: () => channel.abort(new SessionCancelledError()),
  };
}

export function createIncomingLink(
  channel: ByteChannel,
  { session, carries, hiddenSize, start, end }: LinkSequence,
  clock: Clock,
): IncomingLink {
  const tag = sessionTag(session);
  let position = start;
  let untoldBytes = 0;
  const tell = async (signal: AbortSignal) => {
    const bytes = untoldBytes;
    untoldBytes = 0;
    await channel.write(encodeFrame({ type: 'taken', bytes }, tag), { signal });
  };
  let told = false;

  return {
    async receive({ signal }) {
      if (!told || untoldBytes >= LINK_TAKEN_STEP_BYTES) {
        told = true;
        await tell(signal);
      }
      const frame = await channel.read((queue) => takeFrame(queue, tag, hiddenSize), { signal });
      if (frame === undefined) return undefined;
      if (frame.type !== carries) throw new BadFrameError(`Unexpected ${frame.type}.`);
      const count = frame.type === 'hidden' ? frame.count : 1;
      if (frame.position !== position) {
        throw new BadFrameError(`Position ${frame.position} came where ${position} is next.`);
      }
      if (position + count > end) throw new BadFrameError('More positions than the session has.');
      position += count;
      untoldBytes += framePayloadBytes(frame);
      return frame;
    },
    close: () => endChannel(channel, clock),
    abort: () => channel.abort(new SessionCancelledError()),
  };
}
