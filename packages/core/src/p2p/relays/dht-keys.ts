import { base32 } from 'multiformats/bases/base32';
import { CID } from 'multiformats/cid';
import { create } from 'multiformats/hashes/digest';
import { sha256 } from 'multiformats/hashes/sha2';
import type { ManifestHash } from '../../ids.ts';

/** The codec of bytes that mean nothing more, and the number of sha2-256 (https://github.com/multiformats/multicodec). */
const RAW = 0x55;
const SHA2_256 = 0x12;

/** Under which relays of a region announce themselves. */
export const regionKey = async (region: string): Promise<CID> =>
  CID.createV1(RAW, await sha256.digest(new TextEncoder().encode(`opengateway/1/relays/${region}`)));

/** Under which relays announce that a model is answered with there: its identity is a digest already. */
export const modelKey = (manifest: ManifestHash): CID =>
  CID.createV1(
    RAW,
    create(
      SHA2_256,
      Uint8Array.from(manifest.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    ),
  );

/** As libp2p's DHT writes a key in the names of its records. */
export const recordHash = (key: CID): string => base32.encode(key.multihash.bytes).slice(1);
