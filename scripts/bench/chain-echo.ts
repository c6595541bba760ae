import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '@opengateway/core/p2p';
import type { EchoOptions } from './chain-messages.ts';

type Connection = ReturnType<Network['node']['getConnections']>[number];
type Stream = Awaited<ReturnType<Connection['newStream']>>;

const ECHO_PROTOCOL = '/opengateway/bench-echo/1.0.0';

/** Sends back what comes, as it comes. */
export const serveEcho = ({ node }: Network): Promise<void> =>
  node.handle(ECHO_PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => void stream.send(data));
  });

/**
 * Round trips of one message over the direct connection to `peer`, one after another: what libp2p and WebRTC take
 * without anything of ours.
 */
export async function measureEcho(
  { node }: Network,
  { peer, bytes, rounds, pauseMs, signal }: EchoOptions & { readonly signal: AbortSignal },
): Promise<number[]> {
  const connection = node
    .getConnections()
    .find((open) => open.remotePeer.toString() === peer && open.status === 'open' && open.limits === undefined);
  if (connection === undefined) throw new Error('There is no direct connection to measure.');
  const stream = await connection.newStream(ECHO_PROTOCOL, { signal });
  try {
    const roundTripsMs: number[] = [];
    const message = new Uint8Array(bytes).fill(7);
    for (let round = 0; round < rounds; round++) {
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
      const startMs = performance.now();
      const back = received(stream, bytes, signal);
      stream.send(message);
      await back;
      roundTripsMs.push(performance.now() - startMs);
    }
    return roundTripsMs;
  } finally {
    stream.abort(new Error('All round trips are done.'));
  }
}

function received(stream: Stream, bytes: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let left = bytes;
  const onMessage = ({ data }: { data: { byteLength: number } }) => {
    left -= data.byteLength;
    if (left <= 0) resolve();
  };
  const onAbort = () => reject(signal.reason);
  stream.addEventListener('message', onMessage);
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    stream.removeEventListener('message', onMessage);
    signal.removeEventListener('abort', onAbort);
  });
}
