import type { Connection } from '@libp2p/interface';
import { PING_PROTOCOL } from '@libp2p/ping';
import { byteStream } from '@libp2p/utils';

const PING_BYTES = 32;

/** One round trip over the connection by libp2p's ping, in ms. @throws as the stream does. */
export async function measureRoundTrip(connection: Connection, { signal }: { signal: AbortSignal }): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal });
  try {
    const bytes = byteStream(stream);
    const sentMs = performance.now();
    await bytes.write(crypto.getRandomValues(new Uint8Array(PING_BYTES)), { signal });
    await bytes.read({ bytes: PING_BYTES, signal });
    return performance.now() - sentMs;
  } finally {
    // Waits for the other side's word, which nobody here is interested in.
    stream.close({ signal }).catch((error: Error) => stream.abort(error));
  }
}
