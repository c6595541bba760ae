import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys';

/** A new Ed25519 identity, in libp2p's protobuf form: secret bytes to keep where only this node reads them. */
export const generatePrivateKey = async (): Promise<Uint8Array> =>
  privateKeyToProtobuf(await generateKeyPair('Ed25519'));
