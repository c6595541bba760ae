import { readFile } from 'node:fs/promises';
import type { ModelManifest, TensorReader } from '@opengateway/core';
import { openFileReader } from '../testing/file-reader.ts';
import type { Golden } from './golden.ts';

const ROOT = new URL('../../../../', import.meta.url);
const MODEL = new URL('models/smollm2-135m-instruct/', ROOT);

/** The reference outputs of the embedded model (Node only). */
export async function loadGolden(): Promise<Golden> {
  return JSON.parse(await readFile(new URL('test/fixtures/golden.json', ROOT), 'utf8')) as Golden;
}

/** The embedded model that golden was made from (Node only). Dispose it to close its files. */
export async function openGoldenModel(): Promise<TensorReader & AsyncDisposable> {
  const manifest = JSON.parse(await readFile(new URL('manifest.json', MODEL), 'utf8')) as ModelManifest;
  return openFileReader(manifest, MODEL);
}
