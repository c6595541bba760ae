/** Random access to bytes that may lie far away. */
export interface ByteSource {
  /** Size of the whole. */
  readonly bytes: number;
  /** Exactly `length` bytes from `offset` on; rejects where the source ends before. */
  read(offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}

/** Bytes in memory as a source; reads are views, not copies. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  bytes: bytes.byteLength,
  read: (offset, length) =>
    offset >= 0 && length >= 0 && offset + length <= bytes.byteLength
      ? Promise.resolve(bytes.subarray(offset, offset + length))
      : Promise.reject(new RangeError(`There are no bytes ${offset} to ${offset + length}.`)),
});
