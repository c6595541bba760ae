import { verifyChunk } from '../models/chunk-hash.ts';
import { chooseChunk } from './choose-chunk.ts';
import { openChunkLink } from './chunk-link.ts';
import { ChunkSet } from './chunk-set.ts';
import {
  MAX_CHUNKS_UNDER_WAY,
  MAX_SOURCES,
  MAX_WANTS_PER_PEER,
  NO_SOURCE_MS,
  SILENT_SOURCE_MS,
  SLOW_CHUNK_MS,
  TICK_MS,
} from './constants.ts';
import { KeepQueue } from './keep-queue.ts';
import { createServerSource } from './server-source.ts';
import { newSource, type PeerSource } from './peer-source.ts';
import { shuffled } from './shuffle.ts';
import { createSpareBuffers } from './spare-buffers.ts';
import { createSourceMemory } from './sources.ts';
import { NoSourceError, isBreach } from './errors.ts';
import { RateMeter } from './rate-meter.ts';
import type { DownloadComponents, DownloadInit } from './download-types.ts';
import type { ServerSource } from './server-source.ts';
import type { SourceMemory } from './sources.ts';
import type { ChunkOrigin } from './types.ts';
import type { PeerName } from '../ids.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';

/**
 * Fetches the chunks that this device lacks from all sources at once: the rarest first, each from one source, verified
 * before anybody is given it.
 */
export class ChunkDownload {
  readonly #components: DownloadComponents;
  readonly #init: DownloadInit;
  readonly #memory: SourceMemory;
  readonly #server: ServerSource | undefined;
  readonly #ended = new AbortController();
  readonly #sources = new Map<PeerName, PeerSource>();
  readonly #opening = new Set<PeerName>();
  /** Not here and not on their way. */
  readonly #missing: ChunkSet;
  /** Wanted and not kept by `local` yet. */
  readonly #lacking: ChunkSet;
  readonly #unkept = new KeepQueue();
  /** Readers wait for these. */
  readonly #first = new Set<number>();
  readonly #copies: Uint16Array;
  readonly #buffers = createSpareBuffers();
  readonly #rate: RateMeter;
  readonly #peerRate: RateMeter;
  /** Chunks on their way, or waiting to be kept. */
  #underWay = 0;
  #lastArrivalMs: number;
  /** Verified and kept. */
  readonly received = { peer: 0, server: 0 };

  constructor(components: DownloadComponents, init: DownloadInit) {
    this.#components = components;
    this.#init = init;
    const { clock, random } = components;
    const { chunks, model } = init;
    this.#memory = createSourceMemory({ clock });
    this.#rate = new RateMeter(clock);
    this.#peerRate = new RateMeter(clock);
    this.#copies = new Uint16Array(chunks.count);
    this.#missing = new ChunkSet(chunks.count);
    for (const chunk of model.local.wanted) if (!model.local.kept.has(chunk)) this.#missing.add(chunk);
    this.#lacking = new ChunkSet(chunks.count, this.#missing);
    this.#lastArrivalMs = clock.now();
    this.#server =
      model.server === undefined ? undefined : createServerSource({ clock, random, source: model.server, chunks });
    void this.#run();
  }

  want(chunk: number): void {
    this.#first.add(chunk);
    if (this.#lacking.add(chunk)) this.#missing.add(chunk);
    this.#pump();
  }

  /** Gives up what no reader waits for. */
  fetchOnlyWanted(): void {
    for (const chunk of this.#missing) {
      if (this.#first.has(chunk)) continue;
      this.#missing.delete(chunk);
      this.#lacking.delete(chunk);
    }
  }

  figures(): { readonly peers: number; readonly bytesPerSecond: number; readonly missingBytes: number } {
    const peers = [...this.#sources.values()].filter(({ have }) => (have?.count ?? 0) > 0).length;
    const missingBytes = this.#init.chunks.bytesOf(this.#lacking);
    return { peers, bytesPerSecond: this.#rate.bytesPerSecond(), missingBytes };
  }

  end(): void {
    this.#ended.abort();
    for (const source of this.#sources.values()) source.link.close();
  }

  async #run(): Promise<void> {
    const { clock } = this.#components;
    while (!this.#ended.signal.aborted) {
      this.#look();
      this.#pump();
      // Rejects only when the download ended, which the loop sees.
      await clock.sleep(TICK_MS, this.#ended.signal).catch(() => {});
    }
  }

  /** Finds new sources, leaves silent ones, has slow chunks fetched elsewhere. */
  #look(): void {
    const { clock, candidates } = this.#components;
    const nowMs = clock.now();
    if (this.#lacking.count === 0) {
      this.#lastArrivalMs = nowMs;
      for (const source of this.#sources.values()) this.#leave(source);
      this.#buffers.clear();
      return;
    }
    const { hash, announced = hash } = this.#init.model;
    for (const peer of shuffled(candidates(announced), this.#components.random)) {
      if (this.#sources.size + this.#opening.size >= MAX_SOURCES) break;
      if (this.#sources.has(peer) || this.#opening.has(peer) || !this.#memory.mayAsk(peer)) continue;
      this.#opening.add(peer);
      void this.#open(peer);
    }
    for (const source of this.#sources.values()) {
      if (source.requests.size > 0 && nowMs - source.heardMs >= SILENT_SOURCE_MS) {
        this.#memory.failed(source.peer);
        this.#leave(source);
      } else this.#moveSlow(source, nowMs);
    }
    if (this.#underWay > 0 || nowMs - this.#lastArrivalMs < NO_SOURCE_MS) return;
    this.#lastArrivalMs = nowMs;
    this.#init.model.local.onUnavailable(new NoSourceError(this.#init.model.manifest.id, this.#server?.failure()));
  }

  #moveSlow(source: PeerSource, nowMs: number): void {
    for (const [chunk, request] of source.requests) {
      if (request.cancelled || nowMs - request.sinceMs < SLOW_CHUNK_MS) continue;
      const other = [...this.#sources.values()].some(
        (each) => each !== source && this.#canAsk(each, nowMs) && each.have?.has(chunk),
      );
      if (!other && this.#server?.canAsk() !== true) continue;
      source.restsUntilMs = nowMs + SLOW_CHUNK_MS;
      this.#cancel(source, chunk);
    }
  }

  async #open(peer: PeerName): Promise<void> {
    const { clock, openChannel } = this.#components;
    const { signal } = this.#ended;
    let source: PeerSource | undefined;
    try {
      const channel = await openChannel(peer, { signal });
      signal.throwIfAborted();
      source = this.#connect(peer, channel, clock.now());
      this.#sources.set(peer, source);
      this.#opening.delete(peer);
      await source.link.ended;
      // It may have ended because it was full: it is asked again, but not at once.
      if (this.#sources.get(peer) === source) this.#memory.failed(peer);
    } catch (error) {
      if (isBreach(error)) this.#memory.ban(peer);
      else if (source === undefined || this.#sources.get(peer) === source) this.#memory.failed(peer);
    } finally {
      this.#opening.delete(peer);
      if (source !== undefined) this.#forget(source);
      this.#pump();
    }
  }

  #connect(peer: PeerName, channel: ByteChannel, nowMs: number): PeerSource {
    const { clock } = this.#components;
    const { chunks, model } = this.#init;
    const link = openChunkLink(channel, {
      manifest: model.hash,
      chunks,
      clock,
      newBuffer: () => this.#buffers.take(),
      onHave: (have) => {
        source.have = have;
        for (const chunk of have) this.#copies[chunk]! += 1;
        this.#pump();
      },
      onAdded: (added) => {
        for (const chunk of added) this.#copies[chunk]! += 1;
        this.#relieve(source, added);
        this.#pump();
      },
      onBytes: (chunk, bytes) => {
        source.heardMs = clock.now();
        const request = source.requests.get(chunk);
        if (request !== undefined) request.receivedBytes += bytes;
        this.#rate.add(bytes);
        this.#peerRate.add(bytes);
        this.#init.onReceived(peer, bytes);
      },
      onChunk: (chunk, bytes) => {
        const request = source.requests.get(chunk);
        source.requests.delete(chunk);
        const awaited = request?.cancelled === false;
        if (awaited) this.#underWay -= 1;
        void this.#check(chunk, bytes, source, awaited);
      },
      onRefused: (chunk, buffer, isGone) => {
        this.#buffers.give(buffer);
        const request = source.requests.get(chunk);
        source.requests.delete(chunk);
        source.heardMs = clock.now();
        if (isGone) this.#copies[chunk]! -= 1;
        if (request?.cancelled === false) {
          this.#underWay -= 1;
          this.#putBack(chunk);
        }
        this.#pump();
      },
    });
    const source = newSource(peer, link, nowMs);
    return source;
  }

  /**
   * A chunk that waits its turn at a peer that has more comes from one that has just got it, if that has time. A peer
   * sends one chunk after the other: where another has begun, this one has not, and nothing is sent in vain.
   */
  #relieve(newcomer: PeerSource, added: readonly number[]): void {
    const nowMs = this.#components.clock.now();
    for (const chunk of added) {
      if (!this.#canAsk(newcomer, nowMs)) return;
      const source = [...this.#sources.values()].find(({ requests }) => requests.get(chunk)?.cancelled === false);
      if (source === undefined || source === newcomer || newcomer.requests.has(chunk)) continue;
      if ((source.have?.count ?? 0) <= (newcomer.have?.count ?? 0)) continue;
      const begun = [...source.requests].find(([, { receivedBytes }]) => receivedBytes > 0);
      if (begun === undefined || begun[0] === chunk) continue;
      this.#cancel(source, chunk);
      this.#ask(newcomer, chunk);
    }
  }

  #canAsk({ have, requests, restsUntilMs }: PeerSource, nowMs: number): boolean {
    return have !== undefined && requests.size < MAX_WANTS_PER_PEER && restsUntilMs <= nowMs;
  }

  /** Asks for as much as may be under way. */
  #pump(): void {
    if (this.#ended.signal.aborted || this.#unkept.isFull) return;
    const nowMs = this.#components.clock.now();
    const { random } = this.#components;
    let asked = true;
    while (asked && this.#missing.count > 0) {
      asked = false;
      // Those with the least to do first, so that each gets its share.
      const idle = shuffled([...this.#sources.values()], random)
        .filter((source) => this.#canAsk(source, nowMs))
        .sort((a, b) => a.requests.size - b.requests.size);
      for (const source of idle) {
        if (this.#underWay >= MAX_CHUNKS_UNDER_WAY || source.have === undefined) return;
        const chunk = chooseChunk({
          missing: this.#missing,
          have: source.have,
          asked: source.requests,
          copies: this.#copies,
          first: this.#first,
          random,
        });
        if (chunk === undefined) continue;
        this.#ask(source, chunk);
        asked = true;
      }
    }
    this.#askServer(nowMs);
  }

  #ask(source: PeerSource, chunk: number): void {
    const nowMs = this.#components.clock.now();
    if (source.requests.size === 0) source.heardMs = nowMs;
    this.#missing.delete(chunk);
    source.requests.set(chunk, { sinceMs: nowMs, receivedBytes: 0, cancelled: false });
    this.#underWay += 1;
    source.link.want(chunk);
  }

  #cancel(source: PeerSource, chunk: number): void {
    const request = source.requests.get(chunk);
    if (request?.cancelled !== false) return;
    request.cancelled = true;
    this.#underWay -= 1;
    this.#putBack(chunk);
    source.link.cancel(chunk);
  }

  #askServer(nowMs: number): void {
    const server = this.#server;
    if (server === undefined) return;
    const isEarly = this.#opening.size > 0 || [...this.#sources.values()].some(({ have }) => have === undefined);
    while (this.#underWay < MAX_CHUNKS_UNDER_WAY) {
      const chunk = server.choose({
        missing: this.#missing,
        first: this.#first,
        copies: this.#copies,
        peersAreComing: isEarly,
        bytesPerSecond: this.#peerRate.bytesPerSecond(),
        nowMs,
      });
      if (chunk === undefined) return;
      this.#missing.delete(chunk);
      this.#underWay += 1;
      void this.#fetch(server, chunk);
    }
  }

  async #fetch(server: ServerSource, chunk: number): Promise<void> {
    try {
      await server.fetch(chunk, this.#buffers.take(), this.#ended.signal, (bytes) => {
        this.#rate.add(bytes.byteLength);
        return this.#keep(chunk, bytes, 'server');
      });
    } catch {
      // The server remembers why; the chunk is asked for elsewhere, or later.
      this.#putBack(chunk);
    } finally {
      this.#underWay -= 1;
      this.#pump();
    }
  }

  async #check(chunk: number, bytes: Uint8Array<ArrayBuffer>, source: PeerSource, awaited: boolean): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#keep(chunk, bytes, 'peer');
    } catch {
      // Not what the manifest says: whatever else this peer has is worth no more.
      this.#memory.ban(source.peer);
      this.#leave(source);
      if (awaited) this.#putBack(chunk);
    } finally {
      this.#underWay -= 1;
      this.#pump();
    }
  }

  /** Verifies a chunk, then has it kept; before that it does not count. @throws ChunkHashMismatchError */
  #keep(chunk: number, bytes: Uint8Array<ArrayBuffer>, origin: ChunkOrigin): Promise<void> {
    const keep = async () => {
      // One that was cancelled and came all the same may be here already.
      if (this.#ended.signal.aborted || !this.#lacking.has(chunk)) return this.#buffers.give(bytes);
      const { file, index } = this.#init.chunks.at(chunk);
      await verifyChunk(file, index, bytes).catch((error: unknown) => {
        this.#buffers.give(bytes);
        throw error;
      });
      await this.#hand(chunk, bytes, origin);
    };
    return this.#unkept.add(chunk, keep, () => this.#putBack(chunk));
  }

  /** Gives a verified chunk to who keeps it. Never rejects. */
  async #hand(chunk: number, bytes: Uint8Array<ArrayBuffer>, origin: ChunkOrigin): Promise<void> {
    // Transferred, the array is empty here afterwards.
    const { byteLength } = bytes;
    this.#missing.delete(chunk);
    this.#lastArrivalMs = this.#components.clock.now();
    try {
      const { kept, buffer } = await this.#init.model.local.take(chunk, bytes, origin);
      if (buffer !== undefined) this.#buffers.give(buffer);
      this.#lacking.delete(chunk);
      this.#first.delete(chunk);
      this.received[origin] += byteLength;
      if (kept) this.#init.onKept(chunk);
    } catch {
      // Whoever keeps the chunks is gone; the exchange is left with it.
    }
  }

  #putBack(chunk: number): void {
    if (this.#lacking.has(chunk) && !this.#unkept.giveUp(chunk)) this.#missing.add(chunk);
  }

  #leave(source: PeerSource): void {
    this.#forget(source);
    source.link.close();
  }

  /** Takes a source out; what it was asked for is asked elsewhere. */
  #forget(source: PeerSource): void {
    if (this.#sources.get(source.peer) !== source) return;
    this.#sources.delete(source.peer);
    for (const chunk of source.have ?? []) this.#copies[chunk]! -= 1;
    for (const [chunk, { cancelled }] of source.requests) {
      if (cancelled) continue;
      this.#underWay -= 1;
      this.#putBack(chunk);
    }
    source.requests.clear();
  }
}
