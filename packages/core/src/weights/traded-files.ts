import { canonicalJson, manifestHash } from '../models/canonical-manifest.ts';
import { sha256Hex } from '../models/chunk-hash.ts';
import type { ManifestHash } from '../ids.ts';
import type { ManifestFile, ModelManifest } from '../models/manifest.ts';
import type { ModelPackage } from '../models/model-package.ts';

/** Files that peers trade under one identity. */
export interface TradedFiles {
  readonly id: string;
  readonly files: ManifestFile[];
  /** Identity of the files. */
  readonly hash: ManifestHash;
  /** Identity of the model that peers with them announce. */
  readonly announced: ManifestHash;
}

/** Name of a package's `.wasm` file among the traded ones: no path in its folder can have it. */
export const PACKAGE_LIBRARY = '~library';

/** A manifest's own files. */
export async function tradedManifest(manifest: ModelManifest): Promise<TradedFiles> {
  const hash = await manifestHash(manifest);
  return { id: manifest.id, files: manifest.files, hash, announced: hash };
}

/**
 * A package's files, where the catalogue lists them: the same files are the same to all peers, wherever they were
 * fetched from and whatever is said of them beside.
 */
export async function tradedPackage(
  manifest: ModelManifest,
  modelPackage: ModelPackage,
): Promise<TradedFiles | undefined> {
  if ('prebuilt' in modelPackage || modelPackage.files === undefined) return undefined;
  const { folder, library } = modelPackage.files;
  const files: ManifestFile[] = folder
    .map(({ path: name, bytes, chunks }) => ({ name, bytes, chunks }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (library !== undefined) files.push({ name: PACKAGE_LIBRARY, ...library });
  const hash = (await sha256Hex(new TextEncoder().encode(canonicalJson(files)))) as ManifestHash;
  return { id: manifest.id, files, hash, announced: await manifestHash(manifest) };
}
