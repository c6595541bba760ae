import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { vi } from 'vitest';
import { sha256Hex } from '../models/chunk-hash.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { ChunkSet } from './chunk-set.ts';
import { createWeightsExchange } from './exchange.ts';
import type { ServedWeightsExchange } from './exchange.ts';
import type { ChunkOrigin, LocalChunks, ModelExchange } from './types.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ChunkSource } from '../models/chunk-source.ts';
import type { ModelManifest } from '../models/manifest.ts';

export const HASH = 'a'.repeat(64) as ManifestHash;
/** Four pieces and a bit. */
const FILE_BYTES = 270_000;

export interface TestModel {
  readonly manifest: ModelManifest;
  readonly contents: readonly Uint8Array<ArrayBuffer>[];
}

/** A model of files of one chunk each, smaller than most. */
export async function testModel(chunkCount: number): Promise<TestModel> {
  const contents = Array.from({ length: chunkCount }, (_, at) =>
    Uint8Array.from({ length: FILE_BYTES }, (__, byte) => (byte * 7 + at * 31 + (byte >> 8)) & 0xff),
  );
  const files = await Promise.all(
    contents.map(async (bytes, at) => ({ name: `f${at}`, bytes: FILE_BYTES, chunks: [await sha256Hex(bytes)] })),
  );
  return { manifest: { id: 'test', files } as unknown as ModelManifest, contents };
}

/** Chunks of one peer in memory. */
export class MemoryChunks implements LocalChunks {
  readonly wanted: ChunkSet;
  readonly kept: ChunkSet;
  readonly chunks = new Map<number, Uint8Array>();
  readonly taken: { chunk: number; origin: ChunkOrigin }[] = [];
  readonly unavailable: Error[] = [];
  keeps = true;
  readonly #done = Promise.withResolvers<void>();

  constructor(model: TestModel, has: readonly number[], wanted?: readonly number[]) {
    const { length } = model.contents;
    this.kept = new ChunkSet(length, has);
    this.wanted = new ChunkSet(length, wanted ?? model.contents.keys());
    for (const chunk of has) this.chunks.set(chunk, model.contents[chunk]!);
  }

  take: LocalChunks['take'] = async (chunk, bytes, origin) => {
    this.taken.push({ chunk, origin });
    this.chunks.set(chunk, bytes.slice());
    if ([...this.wanted].every((wanted) => this.chunks.has(wanted))) this.#done.resolve();
    return { kept: this.keeps, buffer: new Uint8Array(bytes.buffer) };
  };
  read = async (chunk: number): Promise<Uint8Array | undefined> => this.chunks.get(chunk);
  onUnavailable = (error: Error) => void this.unavailable.push(error);

  /** Resolves when all that is wanted is here. */
  get complete(): Promise<void> {
    return this.#done.promise;
  }
}

export interface SwarmPeer {
  readonly name: PeerName;
  readonly local: MemoryChunks;
  readonly exchange: ServedWeightsExchange;
  readonly model: ModelExchange;
}

/** Peers that reach each other by streams in memory. */
export class Swarm {
  readonly clock = new FakeClock();
  readonly model: TestModel;
  /** What takes the streams to a peer. */
  readonly handlers = new Map<PeerName, (stream: Stream, from: PeerName) => void>();
  /** Both ends of each stream, by the peer they lead to. */
  readonly streams: { readonly to: PeerName; readonly from: PeerName; readonly near: Stream; readonly far: Stream }[] =
    [];

  constructor(model: TestModel) {
    this.model = model;
  }

  add(
    text: string,
    has: readonly number[],
    { server, wanted, upload = Infinity }: { server?: ChunkSource; wanted?: readonly number[]; upload?: number } = {},
  ): SwarmPeer {
    const name = text as PeerName;
    const exchange = createWeightsExchange(
      {
        clock: this.clock,
        random: Math.random,
        candidates: () => [...this.handlers.keys()].filter((peer) => peer !== name),
        openStream: (peer) => this.#open(name, peer),
      },
      { uploadBytesPerSecond: upload },
    );
    const local = new MemoryChunks(this.model, has, wanted);
    this.handlers.set(name, (stream, from) => void exchange.handle(stream, from));
    const model = exchange.join({ manifest: this.model.manifest, hash: HASH, local, server });
    return { name, local, exchange, model };
  }

  async #open(from: PeerName, to: PeerName): Promise<Stream> {
    const [near, far] = await streamPair();
    this.streams.push({ to, from, near, far });
    const handler = this.handlers.get(to);
    if (handler === undefined) throw new Error('Nobody is there.');
    handler(far, from);
    return near;
  }

  /** Moves time on until `work` settles, slowly enough for what really happens to keep up. */
  async until(work: Promise<unknown>): Promise<void> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    work.then(mark, mark);
    await vi.waitUntil(
      async () => {
        await this.clock.advance(settled ? 0 : 50);
        return settled;
      },
      { timeout: 20_000, interval: 5 },
    );
    await work;
  }
}

export const all = (model: TestModel): number[] => [...model.contents.keys()];

/** Whether every chunk held is the model's. */
export const isGood = ({ contents }: TestModel, local: MemoryChunks): boolean =>
  [...local.chunks].every(([chunk, bytes]) => Buffer.compare(bytes, contents[chunk]!) === 0);
