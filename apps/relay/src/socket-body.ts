import { FILE_READ_BYTES } from './constants.ts';
import { pullStream } from './pull-stream.ts';
import type { ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type { RelayEnv } from './env.ts';

export interface SocketBodyOptions {
  /** Longest that the client may leave its buffers full. */
  readonly stalledMs: number;
  /** Called once, when everything was taken or the client has gone. */
  readonly onEnd?: (cancelled: boolean) => void;
  /** Called before the connection of a client that stalled is cut. */
  readonly onStalled?: () => void;
}

/** A response's body, produced only as fast as the client reads; one that stops reading loses its connection. */
export function socketBody(
  c: Context,
  source: AsyncGenerator<string | Uint8Array, void, undefined>,
  { stalledMs, onEnd, onStalled }: SocketBodyOptions,
): ReadableStream<Uint8Array> {
  // Under `app.request` there is no environment at all.
  const outgoing = (c.env as Partial<RelayEnv['Bindings']> | undefined)?.outgoing as ServerResponse | undefined;
  return pullStream(source, {
    stalledMs,
    onStalled: () => {
      onStalled?.();
      outgoing?.destroy();
    },
    onEnd: (cancelled) => {
      if (!cancelled) cutUnlessSent(outgoing, stalledMs);
      onEnd?.(cancelled);
    },
  });
}

/** The last pieces lie in the socket's buffers when the source has ended: they too must be taken. */
function cutUnlessSent(outgoing: ServerResponse | undefined, stalledMs: number): void {
  if (outgoing === undefined || outgoing.closed) return;
  const timer = setTimeout(() => outgoing.destroy(), stalledMs);
  outgoing.once('close', () => clearTimeout(timer));
}

/** Bytes in memory, piece by piece. */
export async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.byteLength; at += FILE_READ_BYTES) yield bytes.subarray(at, at + FILE_READ_BYTES);
}
