import { stat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeManifest, manifestHash } from '@opengateway/core';
import { CatalogError } from './errors.ts';
import type { CatalogEntry, ModelManifest } from '@opengateway/core';

/** A model this relay offers, with where its files lie. */
export interface CatalogModel {
  readonly entry: CatalogEntry;
  readonly manifest: ModelManifest;
  /** The manifest as it lies on disk. */
  readonly manifestBytes: Uint8Array;
  readonly directory: string;
  /** When the manifest was written, seconds since the epoch. */
  readonly createdSeconds: number;
}

export const MANIFEST_FILE = 'manifest.json';

/**
 * Reads every `MODELS_DIR/<id>/manifest.json` and checks that its files are there.
 *
 * @throws CatalogError naming the folder that is wrong.
 */
export async function loadCatalog(modelsDirectory: string): Promise<readonly CatalogModel[]> {
  const folders = await readdir(modelsDirectory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new CatalogError(modelsDirectory, 'the folder cannot be read. Set MODELS_DIR to where the models lie.', {
      cause,
    });
  });
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return await Promise.all(names.sort().map((name) => loadModel(join(modelsDirectory, name), name)));
}

async function loadModel(directory: string, name: string): Promise<CatalogModel> {
  try {
    const path = join(directory, MANIFEST_FILE);
    const manifestBytes = await readFile(path);
    const manifest = decodeManifest(manifestBytes);
    if (manifest.id !== name) throw new Error(`its manifest is that of '${manifest.id}'.`);
    for (const file of manifest.files) {
      const { size } = await stat(join(directory, file.name));
      if (size !== file.bytes) throw new Error(`${file.name} has ${size} bytes, its manifest says ${file.bytes}.`);
    }
    const { mtimeMs } = await stat(path);
    const entry: CatalogEntry = {
      id: manifest.id,
      name: manifest.name,
      manifest: await manifestHash(manifest),
      manifestUrl: `/models/${manifest.id}/${MANIFEST_FILE}`,
      bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
      layerCount: manifest.architecture.layerCount,
      contextLength: manifest.architecture.contextLength,
      license: manifest.license.spdx,
    };
    return { entry, manifest, manifestBytes, directory, createdSeconds: Math.floor(mtimeMs / 1000) };
  } catch (cause) {
    throw new CatalogError(directory, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
