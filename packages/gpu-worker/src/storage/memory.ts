import { systemClock } from '@opengateway/core';
import type { Clock, ManifestHash } from '@opengateway/core';
import type { StoredFileKey, WeightsStore } from './weights-store.ts';

/** A store that lasts as long as the process: for tests and for browsers without one. */
export function createMemoryStore({ clock = systemClock }: { readonly clock?: Clock } = {}): WeightsStore {
  const chunks = new Map<string, Uint8Array>();
  const usedAtMs = new Map<ManifestHash, number>();
  const touch = ({ manifest }: StoredFileKey) => void usedAtMs.set(manifest, clock.now());
  const of = (manifest: ManifestHash) => [...chunks].filter(([path]) => path.startsWith(`${manifest}/`));
  return {
    async has(key, index) {
      return chunks.has(pathOf(key, index));
    },
    async read(key, index, buffer) {
      const bytes = chunks.get(pathOf(key, index));
      if (bytes) touch(key);
      if (!bytes || !buffer) return bytes?.slice();
      buffer.set(bytes);
      return buffer.subarray(0, bytes.byteLength);
    },
    async write(key, index, bytes) {
      touch(key);
      chunks.set(pathOf(key, index), bytes.slice());
    },
    async discard(key, index) {
      chunks.delete(pathOf(key, index));
    },
    async models() {
      return [...usedAtMs]
        .map(([manifest, usedAt]) => ({ manifest, usedAtMs: usedAt, bytes: sizeOf(of(manifest)) }))
        .filter(({ bytes }) => bytes > 0);
    },
    async remove(manifest) {
      for (const [path] of of(manifest)) chunks.delete(path);
      usedAtMs.delete(manifest);
    },
    async storedBytes() {
      return sizeOf([...chunks]);
    },
    async removeAll() {
      chunks.clear();
      usedAtMs.clear();
    },
    async close() {},
  };
}

const pathOf = ({ manifest, file }: StoredFileKey, index: number) => `${manifest}/${file.name}/${index}`;

const sizeOf = (chunks: readonly (readonly [string, Uint8Array])[]): number =>
  chunks.reduce((total, [, { byteLength }]) => total + byteLength, 0);
