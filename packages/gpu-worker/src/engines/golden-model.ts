import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTensorReader, decodeManifest, type TensorReader } from '@opengateway/core';
import { createDirectorySource } from '../storage/directory-source.ts';
import type { Golden } from './golden.ts';

const ROOT = new URL('../../../../', import.meta.url);
const MODEL = new URL('models/smollm2-135m-instruct/', ROOT);

/** The reference outputs of the embedded model (Node only). */
export async function loadGolden(): Promise<Golden> {
  return JSON.parse(await readFile(new URL('test/fixtures/golden.json', ROOT), 'utf8')) as Golden;
}

/** The embedded model that golden was made from (Node only). Dispose it to close its files. */
export async function openGoldenModel(): Promise<TensorReader & AsyncDisposable> {
  const manifest = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
  const source = createDirectorySource({ path: fileURLToPath(MODEL) });
  const reader = createTensorReader({ manifest, source });
  return {
    manifest,
    read: (tensor, offset, length, options) => reader.read(tensor, offset, length, options),
    [Symbol.asyncDispose]: async () => source.close?.(),
  };
}
