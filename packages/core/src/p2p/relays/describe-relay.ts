import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import * as z from 'zod/mini';
import { OpenGatewayError } from '../../errors.ts';
import { MAX_LENGTH_PREFIX_BYTES } from '../../wire/limits.ts';
import { createMessageChannel } from '../../wire/message-channel.ts';
import {
  DESCRIBE_TIMEOUT_MS,
  MAX_DESCRIBE_STREAMS,
  MAX_DESCRIBED_MODELS,
  MAX_DESCRIPTION_BYTES,
  RELAY_PROTOCOL,
} from './constants.ts';

/** What a relay says of itself. */
export const relayDescriptionSchema = z.strictObject({
  v: z.literal(1),
  region: z.string().check(z.minLength(1), z.maxLength(64)),
  /** Names of the models that can be answered with there now. */
  serving: z.array(z.string().check(z.maxLength(96))).check(z.maxLength(MAX_DESCRIBED_MODELS)),
});
export type RelayDescription = z.infer<typeof relayDescriptionSchema>;

/** Whoever was asked is no relay of this network, or did not say what it is. */
export class NotARelayError extends OpenGatewayError {
  static override readonly name = 'NotARelayError';
  constructor(options?: ErrorOptions) {
    super('not_a_relay', 'It does not say that it is a relay of this network.', options);
  }
}

const READ_AHEAD = { readAheadBytes: MAX_DESCRIPTION_BYTES + MAX_LENGTH_PREFIX_BYTES };

/** Asks whoever is on the other side what it is. @throws NotARelayError, or the signal's reason */
export async function askRelay(connection: Connection, options: { signal: AbortSignal }): Promise<RelayDescription> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(DESCRIBE_TIMEOUT_MS)]);
  let stream: Stream | undefined;
  try {
    stream = await connection.newStream(RELAY_PROTOCOL, { signal });
    const channel = createMessageChannel(stream, READ_AHEAD);
    const description = await channel.receive(relayDescriptionSchema, { maxBytes: MAX_DESCRIPTION_BYTES, signal });
    if (description === undefined) throw new NotARelayError();
    await channel.close({ signal });
    return description;
  } catch (cause) {
    stream?.abort(cause as Error);
    if (options.signal.aborted) throw options.signal.reason;
    throw cause instanceof NotARelayError ? cause : new NotARelayError({ cause });
  }
}

/** Answers everyone who asks; resolves with what ends that. */
export async function serveDescription(node: Libp2p, describe: () => RelayDescription): Promise<() => Promise<void>> {
  const answer = async (stream: Stream): Promise<void> => {
    const signal = AbortSignal.timeout(DESCRIBE_TIMEOUT_MS);
    try {
      const channel = createMessageChannel(stream, READ_AHEAD);
      await channel.send(describe(), { signal });
      await channel.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
    }
  };
  await node.handle(RELAY_PROTOCOL, (stream) => void answer(stream), { maxInboundStreams: MAX_DESCRIBE_STREAMS });
  return () => node.unhandle(RELAY_PROTOCOL);
}
