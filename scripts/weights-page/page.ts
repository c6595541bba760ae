/** One of two tabs that `bench-weights.ts` has exchange weights, and bytes over a data channel of their own. */
import { CHUNK_BYTES, ChunkSet, sha256Hex } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import type { ManifestHash, ModelManifest } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';

const HASH = 'e'.repeat(64) as ManifestHash;
/** Waiting in a raw channel before its sender waits, and where it goes on. */
const RAW_HIGH_BYTES = 1_048_576;
const RAW_LOW_BYTES = 262_144;

let network: Network;
let chunks: Uint8Array<ArrayBuffer>[] = [];
let manifest: ModelManifest;
let connection: RTCPeerConnection;

const page = {
  /** Makes the same model in both tabs. */
  async makeModel(count: number): Promise<void> {
    chunks = Array.from({ length: count }, (_, at) =>
      new Uint8Array(CHUNK_BYTES).map((__, byte) => byte * at + (byte >> 8)),
    );
    const hashes = await Promise.all(chunks.map(sha256Hex));
    manifest = {
      id: 'bench',
      files: [{ name: 'bench', bytes: count * CHUNK_BYTES, chunks: hashes }],
    } as unknown as ModelManifest;
  },

  async join(multiaddrs: readonly string[]): Promise<void> {
    network = await createNetwork(
      {},
      { role: 'peer', region: 'local', relays: [{ region: 'local', multiaddrs }], uploadBytesPerSecond: Infinity },
    );
    await network.start();
    const served = {
      id: 'bench',
      manifest: HASH,
      layers: [0, 1] as [number, number],
      engine: 'wasm' as const,
      contextLength: 0,
      slots: 0,
      freeSlots: 0,
      queued: 0,
      decodeTokensPerSecond: 0,
      prefillTokensPerSecond: 0,
    };
    const generator = {
      generate: () => {
        throw new Error('This tab answers nothing.');
      },
    };
    network.serve({ generator, served: () => [served], kind: 'tab', loading: true });
  },

  /** Resolves when another peer is known. */
  async hear(): Promise<void> {
    while (network.registry.peers().length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  },

  seed(): void {
    const all = new ChunkSet(chunks.length, chunks.keys());
    const local = {
      wanted: all,
      kept: all,
      take: () => Promise.reject(new Error('Nothing is wanted here.')),
      // A copy, as a store gives one.
      read: async (chunk: number) => chunks[chunk]?.slice(),
      onUnavailable: () => {},
    };
    network.weights.join({ manifest, hash: HASH, local });
  },

  /** Fetches the model; bytes per second from the first chunk to the last. */
  async fetchModel(): Promise<number> {
    const done = Promise.withResolvers<number>();
    let taken = 0;
    let firstMs = 0;
    const local = {
      wanted: new ChunkSet(chunks.length, chunks.keys()),
      kept: new ChunkSet(chunks.length),
      async take(_chunk: number, bytes: Uint8Array<ArrayBuffer>) {
        if (taken === 0) firstMs = performance.now();
        taken += 1;
        if (taken === chunks.length) {
          done.resolve(((taken - 1) * CHUNK_BYTES * 1_000) / (performance.now() - firstMs));
        }
        return { kept: false, buffer: new Uint8Array(bytes.buffer) };
      },
      read: async () => undefined,
      onUnavailable: (error: Error) => done.reject(error),
    };
    const exchange = network.weights.join({ manifest, hash: HASH, local });
    try {
      return await done.promise;
    } finally {
      exchange.leave();
    }
  },

  /** An offer for a raw data channel, with all its addresses. */
  async offer(): Promise<string> {
    connection = new RTCPeerConnection();
    connection.createDataChannel('raw', { ordered: true });
    return describeWhole(await connection.createOffer());
  },

  async answer(offer: string): Promise<string> {
    connection = new RTCPeerConnection();
    await connection.setRemoteDescription(JSON.parse(offer) as RTCSessionDescriptionInit);
    return describeWhole(await connection.createAnswer());
  },

  accept: (answer: string): Promise<void> =>
    connection.setRemoteDescription(JSON.parse(answer) as RTCSessionDescriptionInit),

  /** What comes in over a raw channel that the other side opens; bytes per second from the first message to `bytes`. */
  receiveRaw(bytes: number): Promise<number> {
    return new Promise((resolve) => {
      connection.addEventListener('datachannel', ({ channel }) => {
        channel.binaryType = 'arraybuffer';
        let received = 0;
        let firstMs = 0;
        channel.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
          if (received === 0) firstMs = performance.now();
          received += data.byteLength;
          if (received >= bytes) resolve((received * 1_000) / (performance.now() - firstMs));
        });
      });
    });
  },

  async sendRaw(bytes: number, messageBytes: number): Promise<void> {
    const channel = connection.createDataChannel('measured', { ordered: true });
    channel.bufferedAmountLowThreshold = RAW_LOW_BYTES;
    if (channel.readyState !== 'open') await once(channel, 'open');
    const message = new Uint8Array(messageBytes);
    for (let sent = 0; sent < bytes; sent += messageBytes) {
      if (channel.bufferedAmount > RAW_HIGH_BYTES) await once(channel, 'bufferedamountlow');
      channel.send(message);
    }
  },
};

const once = (target: EventTarget, name: string): Promise<unknown> =>
  new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));

async function describeWhole(description: RTCSessionDescriptionInit): Promise<string> {
  await connection.setLocalDescription(description);
  while (connection.iceGatheringState !== 'complete') await once(connection, 'icegatheringstatechange');
  return JSON.stringify(connection.localDescription);
}

export type WeightsPage = typeof page;
Object.assign(globalThis, { weightsPage: page });
document.documentElement.dataset['ready'] = '';
