import type { Network } from '@opengateway/core/p2p';

interface ReceivedMessage {
  readonly topic: string;
  readonly from?: Uint8Array;
}

/** The part of libp2p's gossip that its type leaves out: all that comes over the wire, before anything is filtered. */
interface Receiver {
  handleReceivedRpc(from: unknown, rpc: { readonly messages: readonly ReceivedMessage[] }): Promise<void>;
}

/** As authors of gossip are named on the wire, in hex. */
export const authorName = ({ node }: Pick<Network, 'node'>): string =>
  Buffer.from(node.peerId.toMultihash().bytes).toString('hex');

/** Takes note of the topics and authors of all gossip that reaches a node, whoever sends it and for whom. */
export function watchGossip({ node }: Pick<Network, 'node'>) {
  const topics = new Set<string>();
  const authors = new Set<string>();
  const pubsub = node.services.pubsub as unknown as Receiver;
  const receive = pubsub.handleReceivedRpc.bind(pubsub);
  pubsub.handleReceivedRpc = (from, rpc) => {
    for (const { topic, from: author } of rpc.messages) {
      topics.add(topic);
      if (author !== undefined) authors.add(Buffer.from(author).toString('hex'));
    }
    return receive(from, rpc);
  };
  return () => ({ topics: [...topics], authors: [...authors] });
}
