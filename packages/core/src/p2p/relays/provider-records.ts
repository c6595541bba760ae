import { InvalidParametersError, NotFoundError } from '@libp2p/interface';
import { BaseDatastore } from 'datastore-core';
import {
  DHT_RECORD_AGE_MS,
  MAX_DHT_KEY_CHARS,
  MAX_DHT_RECORDS,
  MAX_DHT_VALUE_BYTES,
  MAX_FOUND_RELAYS,
  MAX_RECORDS_PER_PROVIDER,
} from './constants.ts';

type Key = Parameters<BaseDatastore['put']>[0];
type Query = Parameters<BaseDatastore['query']>[0];
type Pair = { key: Key; value: Uint8Array };

interface ProviderRecord extends Pair {
  readonly name: string;
  /** What is provided, in base32. */
  readonly hash: string;
  readonly provider: string;
  readonly writtenAtMs: number;
}

export interface ProviderRecordsComponents {
  /** Milliseconds. */
  now(): number;
  /** Whether addresses of a provider are known: libp2p gives no answer at all where one is missing. */
  isKnown(provider: string): Promise<boolean>;
  /** Whether something provided, as base32 of its multihash, is lost only when there is nothing else to lose. */
  isLast(hash: string): boolean;
}

/**
 * The store of libp2p's DHT, in memory: provider records and nothing else. They age out. When there are too many,
 * whoever has most makes room, so that one flooder replaces its own.
 */
export class ProviderRecords extends BaseDatastore {
  readonly #components: ProviderRecordsComponents;
  /** In the order of their last write. */
  readonly #records = new Map<string, ProviderRecord>();
  readonly #byProvider = new Map<string, Map<string, ProviderRecord>>();
  readonly #byHash = new Map<string, Map<string, ProviderRecord>>();
  /** The same in the order of their first write. */
  readonly #standing = new Map<string, Map<string, ProviderRecord>>();

  constructor(components: ProviderRecordsComponents) {
    super();
    this.#components = components;
  }

  get size(): number {
    return this.#records.size;
  }

  /** @throws InvalidParametersError for what is no provider record */
  override put(key: Key, value: Uint8Array): Key {
    const name = key.toString();
    const [, hash, provider] = name.length > MAX_DHT_KEY_CHARS ? [] : (RECORD_NAME.exec(name) ?? []);
    if (hash === undefined || provider === undefined || value.byteLength > MAX_DHT_VALUE_BYTES)
      throw new InvalidParametersError('Only provider records are kept.');
    this.#expire();
    const before = this.#records.get(name);
    if (before === undefined) this.#makeRoom(provider);
    else this.#remove(before, { isRenewed: true });
    // A copy: what came may be a part of a larger buffer.
    const writtenAtMs = this.#components.now();
    const record = { key, name, hash, provider, value: Uint8Array.from(value), writtenAtMs };
    this.#records.set(name, record);
    for (const [index, term] of this.#indexes(record)) {
      const entries = index.get(term) ?? new Map<string, ProviderRecord>();
      index.set(term, entries.set(name, record));
    }
    return key;
  }

  override get(key: Key): Uint8Array {
    this.#expire();
    const record = this.#records.get(key.toString());
    if (record === undefined) throw new NotFoundError();
    return record.value;
  }

  override has(key: Key): boolean {
    this.#expire();
    return this.#records.has(key.toString());
  }

  override delete(key: Key): void {
    const record = this.#records.get(key.toString());
    if (record !== undefined) this.#remove(record);
  }

  /**
   * Of one thing provided up to `MAX_FOUND_RELAYS` records, in turns the one written last and the one that stands
   * longest: neither many new names nor many old ones hide a relay.
   */
  override async *query(query: Query): AsyncGenerator<Pair> {
    this.#expire();
    const [, hash] = KEY_NAME.exec(query.prefix ?? '') ?? [];
    if (hash === undefined) {
      yield* super.query(query);
      return;
    }
    let room = MAX_FOUND_RELAYS;
    for (const { key, value, provider } of this.#inTurns(hash)) {
      if (room === 0) return;
      if (!(await this.#components.isKnown(provider))) continue;
      room -= 1;
      yield { key, value };
    }
  }

  override *_all(): Generator<Pair> {
    for (const { key, value } of Array.from(this.#records.values())) yield { key, value };
  }

  override *_allKeys(): Generator<Key> {
    for (const { key } of Array.from(this.#records.values())) yield key;
  }

  *#inTurns(hash: string): Generator<ProviderRecord> {
    // Some of either may have no addresses any more.
    const newest = [...(this.#byHash.get(hash)?.values() ?? [])].slice(-2 * MAX_FOUND_RELAYS).toReversed();
    const standing = [...(this.#standing.get(hash)?.values() ?? [])].slice(0, 2 * MAX_FOUND_RELAYS);
    const seen = new Set<string>();
    for (const record of newest.flatMap((each, index) => [each, standing[index] ?? each])) {
      if (seen.has(record.name)) continue;
      seen.add(record.name);
      yield record;
    }
  }

  #expire(): void {
    const nowMs = this.#components.now();
    for (const record of this.#records.values()) {
      if (nowMs - record.writtenAtMs < DHT_RECORD_AGE_MS) return;
      this.#remove(record);
    }
  }

  /** For one more record of a provider. */
  #makeRoom(provider: string): void {
    const own = this.#byProvider.get(provider);
    if (own !== undefined && own.size >= MAX_RECORDS_PER_PROVIDER) this.#removeOldest(own);
    else if (this.#records.size >= MAX_DHT_RECORDS) this.#removeOldest(this.#largest() ?? this.#records);
  }

  /** The records of the provider that has most which may be lost, of several the last to come; undefined for none. */
  #largest(): Map<string, ProviderRecord> | undefined {
    let largest: Map<string, ProviderRecord> | undefined;
    let most = 0;
    for (const records of this.#byProvider.values()) {
      if (records.size < most) continue;
      let count = 0;
      for (const { hash } of records.values()) if (!this.#components.isLast(hash)) count += 1;
      if (count > 0 && count >= most) [largest, most] = [records, count];
    }
    return largest;
  }

  #removeOldest(records: Map<string, ProviderRecord>): void {
    let oldest: ProviderRecord | undefined;
    for (const record of records.values()) {
      oldest ??= record;
      if (this.#components.isLast(record.hash)) continue;
      oldest = record;
      break;
    }
    if (oldest !== undefined) this.#remove(oldest);
  }

  #remove(record: ProviderRecord, { isRenewed = false } = {}): void {
    this.#records.delete(record.name);
    for (const [index, term] of this.#indexes(record)) {
      // A renewed one stands where it stood.
      if (isRenewed && index === this.#standing) continue;
      const entries = index.get(term);
      entries?.delete(record.name);
      if (entries?.size === 0) index.delete(term);
    }
  }

  #indexes({ provider, hash }: ProviderRecord) {
    return [
      [this.#byProvider, provider],
      [this.#byHash, hash],
      [this.#standing, hash],
    ] as const;
  }
}

/** As libp2p names them: `/dht/provider/<multihash in base32>/<peer>`. */
const RECORD_NAME = /^\/dht\/provider\/([a-z2-7]+)\/([A-Za-z0-9]+)$/;
const KEY_NAME = /^\/dht\/provider\/([a-z2-7]+)$/;
