import { MemoryDatastore } from 'datastore-core';

type Key = Parameters<MemoryDatastore['put']>[0];

/** libp2p's store in memory, in which the record that was written first makes room. */
export class BoundedDatastore extends MemoryDatastore {
  readonly #most: number;
  /** In the order of their last write. */
  readonly #keys = new Map<string, Key>();

  /** @param most records */
  constructor(most: number) {
    super();
    this.#most = most;
  }

  override put(key: Key, ...rest: [Uint8Array, ...never[]]): ReturnType<MemoryDatastore['put']> {
    const name = key.toString();
    this.#keys.delete(name);
    const [oldest] = this.#keys.values();
    if (this.#keys.size >= this.#most && oldest !== undefined) void this.delete(oldest);
    this.#keys.set(name, key);
    return super.put(key, ...rest);
  }

  override delete(key: Key, ...rest: never[]): ReturnType<MemoryDatastore['delete']> {
    this.#keys.delete(key.toString());
    return super.delete(key, ...rest);
  }
}
