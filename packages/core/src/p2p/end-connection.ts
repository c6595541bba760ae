import type { Connection } from '@libp2p/interface';

/** Ends a connection so that the other side hears of it; within a second, whatever that does. */
export async function endConnection(connection: Connection): Promise<void> {
  await connection.close().catch((error: Error) => connection.abort(error));
}
