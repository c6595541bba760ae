import { open } from 'node:fs/promises';
import type { ModelManifest, TensorInfo, TensorReader } from '@opengateway/core';

/** Reads a model's files in `folder` as they are, hashes unchecked: for tests that are about engines. */
export async function openFileReader(manifest: ModelManifest, folder: URL): Promise<TensorReader & AsyncDisposable> {
  const files = await Promise.all(manifest.files.map(({ name }) => open(new URL(name, folder))));
  return {
    manifest,
    async read(tensor: TensorInfo, offset: number, length: number, { signal } = {}) {
      signal?.throwIfAborted();
      const file = files[tensor.file]!;
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, tensor.offset + offset);
      if (bytesRead !== length) throw new RangeError(`Tensor ${tensor.name} ends early.`);
      return buffer;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(files.map((file) => file.close()));
    },
  };
}
