/** Two libp2p streams that lead to each other, with no network between. */
export { streamPair } from '@libp2p/utils';
