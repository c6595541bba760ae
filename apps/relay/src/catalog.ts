import { stat, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { decodeManifest, manifestHash, modelPackageSchema, tierOfBytes } from '@opengateway/core';
import { MAX_PACKAGE_FILES } from './constants.ts';
import { CatalogError, ModelsDirectoryError } from './errors.ts';
import type { CatalogEntry, ManifestFile, ModelManifest, ModelPackage, Tier } from '@opengateway/core';

/** A file of a compiled package as it was when the relay started. */
export interface PackageFile {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** A model this relay offers, with where its files lie. */
export interface CatalogModel {
  readonly entry: CatalogEntry;
  readonly manifest: ModelManifest;
  /** The manifest as it lies on disk. */
  readonly manifestBytes: Uint8Array;
  readonly directory: string;
  /** Addresses of the manifest's files that lie elsewhere, by name: clients are sent on to them. */
  readonly fileUrls: ReadonlyMap<string, string>;
  /** Files of a compiled package that the relay itself hosts, by their path below `PACKAGE_FOLDER`, with slashes. */
  readonly packageFiles: ReadonlyMap<string, PackageFile>;
  /** When the manifest was written, seconds since the epoch. */
  readonly createdSeconds: number;
}

export const MANIFEST_FILE = 'manifest.json';
/** Says that the model is served from a compiled package (docs/ENGINES.md): the entry's `package`, as JSON. */
export const PACKAGE_FILE = 'webllm.json';
/** Beside it, the package's own files, where this relay hosts them. */
export const PACKAGE_FOLDER = 'package';

/** What a request calls the best model that can be served now; no model may have this name. */
export const AUTO_MODEL = 'auto';

/**
 * Reads every `MODELS_DIR/<id>/manifest.json` and checks that its files are there.
 *
 * @throws ModelsDirectoryError, CatalogError naming the folder that is wrong.
 */
export async function loadCatalog(modelsDirectory: string): Promise<readonly CatalogModel[]> {
  const folders = await readdir(modelsDirectory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ModelsDirectoryError(modelsDirectory, cause);
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
    for (const file of manifest.files) await checkFile(directory, file);
    const { mtimeMs } = await stat(path);
    const modelPackage = await readPackage(join(directory, PACKAGE_FILE));
    const packageFiles = modelPackage ? await listPackage(join(directory, PACKAGE_FOLDER)) : undefined;
    return await catalogModel({ manifest, manifestBytes, directory, modelPackage, packageFiles, createdMs: mtimeMs });
  } catch (cause) {
    throw new CatalogError(directory, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** @throws where a file of the manifest is not in `directory`, whole. */
export async function checkFile(directory: string, { name, bytes }: ManifestFile): Promise<void> {
  const { size } = await stat(join(directory, name));
  if (size !== bytes) throw new Error(`${name} has ${size} bytes, its manifest says ${bytes}.`);
}

export interface CatalogModelParts {
  readonly manifest: ModelManifest;
  readonly manifestBytes: Uint8Array;
  readonly directory: string;
  readonly createdMs: number;
  readonly fileUrls?: ReadonlyMap<string, string> | undefined;
  readonly modelPackage?: ModelPackage | undefined;
  readonly packageFiles?: ReadonlyMap<string, PackageFile> | undefined;
  /** @default by the bytes of its weights */
  readonly tier?: Tier | undefined;
}

/** A model as the catalogue has it, from what was read of it. */
export async function catalogModel(parts: CatalogModelParts): Promise<CatalogModel> {
  const { manifest, manifestBytes, directory, modelPackage, createdMs } = parts;
  const { fileUrls = new Map<string, string>(), packageFiles = new Map<string, PackageFile>() } = parts;
  if (manifest.id === AUTO_MODEL) throw new Error(`'${AUTO_MODEL}' is no name for a model: it asks for the best one.`);
  const packageBytes = [...packageFiles.values()].reduce((sum, file) => sum + file.bytes, 0);
  const bytes = packageBytes || manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const entry: CatalogEntry = {
    id: manifest.id,
    name: manifest.name,
    manifest: await manifestHash(manifest),
    manifestUrl: `/models/${manifest.id}/${MANIFEST_FILE}`,
    bytes,
    layerCount: manifest.architecture.layerCount,
    contextLength: manifest.architecture.contextLength,
    license: manifest.license.spdx,
    tier: parts.tier ?? tierOfBytes(bytes),
    ...(modelPackage ? { package: modelPackage } : {}),
  };
  const createdSeconds = Math.floor(createdMs / 1000);
  return { entry, manifest, manifestBytes, directory, fileUrls, packageFiles, createdSeconds };
}

async function readPackage(path: string): Promise<ModelPackage | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = modelPackageSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${PACKAGE_FILE} is wrong at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}.`);
}

async function listPackage(folder: string): Promise<Map<string, PackageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  const files = entries.filter((entry) => entry.isFile());
  if (files.length > MAX_PACKAGE_FILES) throw new Error(`its package has more than ${MAX_PACKAGE_FILES} files.`);
  const sizes = files.map(async ({ parentPath, name }): Promise<[string, PackageFile]> => {
    const path = join(parentPath, name);
    const { size, mtimeMs } = await stat(path);
    return [relative(folder, path).split(sep).join('/'), { bytes: size, modifiedMs: mtimeMs }];
  });
  return new Map(await Promise.all(sizes));
}
