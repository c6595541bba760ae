import type { Connection } from '@libp2p/interface';
import { PING_PROTOCOL } from '@libp2p/ping';
import { byteStream } from '@libp2p/utils';

const PING_BYTES = 32;

/** The first round trips of a connection wait for whatever its opening sets off. */
const ROUNDS = 3;

/** The shortest of a few round trips over the connection, by libp2p's ping, in ms. @throws as the stream does. */
export async function measureRoundTrip(connection: Connection, { signal }: { signal: AbortSignal }): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal });
  try {
    const bytes = byteStream(stream);
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round += 1) {
      const sentMs = performance.now();
      await bytes.write(crypto.getRandomValues(new Uint8Array(PING_BYTES)), { signal });
      await bytes.read({ bytes: PING_BYTES, signal });
      shortestMs = Math.min(shortestMs, performance.now() - sentMs);
    }
    return shortestMs;
  } finally {
    // Waits for the other side's word, which nobody here is interested in.
    stream.close({ signal }).catch((error: Error) => stream.abort(error));
  }
}
