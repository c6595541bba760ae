import type { StoredFileKey, WeightsStore } from './weights-store.ts';

/** A store that lasts as long as the process: for tests and for browsers without one. */
export function createMemoryStore(): WeightsStore {
  const chunks = new Map<string, Uint8Array>();
  return {
    async has(key, index) {
      return chunks.has(pathOf(key, index));
    },
    async read(key, index, buffer) {
      const bytes = chunks.get(pathOf(key, index));
      if (!bytes || !buffer) return bytes?.slice();
      buffer.set(bytes);
      return buffer.subarray(0, bytes.byteLength);
    },
    async write(key, index, bytes) {
      chunks.set(pathOf(key, index), bytes.slice());
    },
    async storedBytes() {
      return [...chunks.values()].reduce((total, bytes) => total + bytes.byteLength, 0);
    },
    async removeAll() {
      chunks.clear();
    },
    async close() {},
  };
}

const pathOf = ({ manifest, file }: StoredFileKey, index: number) => `${manifest}/${file.name}/${index}`;
