import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  decodeManifest,
  isModelId,
  MAX_CATALOG_ENTRIES,
  MAX_MANIFEST_BYTES,
  modelPackageSchema,
  TIERS,
} from '@opengateway/core';
import * as z from 'zod';
import { catalogModel, checkFile } from './catalog.ts';
import { CATALOG_FETCH_TIMEOUT_MS, MAX_CATALOG_FILE_BYTES } from './constants.ts';
import { CatalogFileError } from './errors.ts';
import { fetchBytes } from './fetch-bytes.ts';
import type { ModelManifest } from '@opengateway/core';
import type { CatalogModel } from './catalog.ts';

const webAddress = z
  .string()
  .max(2048)
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), { error: 'must be an http or https address' });

const entrySchema = z.strictObject({
  id: z.string('must be the name of a model').refine(isModelId, { error: 'must be the name of a model' }),
  /** Path, seen from the file, or address of the manifest. Absent: the model lies in MODELS_DIR. */
  manifest: z.string().min(1).max(2048).optional(),
  /** Folder of the files that the manifest names. @default where the manifest lies, or each file's own sources */
  baseUrl: webAddress.optional(),
  tier: z.enum(TIERS, { error: `must be one of ${TIERS.join(', ')}` }).optional(),
  package: z.optional(modelPackageSchema),
});
type OperatorEntry = z.infer<typeof entrySchema>;

/**
 * Adds the models of the operator's own list (`CATALOG`) to those of MODELS_DIR; an entry without a manifest says
 * more about one of them.
 *
 * @throws CatalogFileError that names the entry and the field.
 */
export async function addOperatorCatalog(
  path: string,
  local: readonly CatalogModel[],
): Promise<readonly CatalogModel[]> {
  const models = new Map(local.map((model) => [model.entry.id, model]));
  const seen = new Set<string>();
  for (const [index, json] of (await readEntries(path)).entries()) {
    const where = describeEntry(index, json);
    const parsed = entrySchema.safeParse(json);
    if (!parsed.success) throw new CatalogFileError(path, where, firstProblem(parsed.error.issues));
    const { id, manifest } = parsed.data;
    try {
      if (seen.has(id)) throw new Error('id is that of an entry before.');
      seen.add(id);
      const known = models.get(id);
      if (manifest !== undefined && known !== undefined) throw new Error('id is that of a model in MODELS_DIR.');
      if (manifest === undefined && known === undefined) {
        throw new Error('manifest is missing, and MODELS_DIR has no model of this id.');
      }
      const model =
        known === undefined ? await loadEntry(path, manifest ?? '', parsed.data) : amend(known, parsed.data);
      models.set(id, model);
    } catch (cause) {
      throw new CatalogFileError(path, where, cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }
  if (models.size > MAX_CATALOG_ENTRIES) {
    throw new CatalogFileError(path, null, `with MODELS_DIR there are more than ${MAX_CATALOG_ENTRIES} models.`);
  }
  return [...models.values()];
}

async function readEntries(path: string): Promise<readonly unknown[]> {
  let json: unknown;
  try {
    const { size } = await stat(path);
    if (size > MAX_CATALOG_FILE_BYTES) throw new Error(`it has more than ${MAX_CATALOG_FILE_BYTES} bytes.`);
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new CatalogFileError(path, null, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (!Array.isArray(json)) throw new CatalogFileError(path, null, 'it must be a JSON array of models.');
  return json;
}

function describeEntry(index: number, json: unknown): string {
  const id = (json as { id?: unknown } | null)?.id;
  return `entry ${index + 1}${typeof id === 'string' ? ` ('${id.slice(0, 96)}')` : ''}`;
}

function firstProblem([issue]: readonly z.core.$ZodIssue[]): string {
  if (issue?.code === 'unrecognized_keys') return `'${issue.keys[0] ?? ''}' is no field of an entry.`;
  // A package is either of two forms, so that it is wrong as a whole.
  if (issue?.path[0] === 'package') return 'package must have the fields that docs/ENGINES.md gives it.';
  return `${issue?.path.join('.') || 'the entry'} ${issue?.message ?? 'is wrong'}.`;
}

/** What an entry says of a model that lies in MODELS_DIR. */
function amend(model: CatalogModel, { baseUrl, tier, package: modelPackage }: OperatorEntry): CatalogModel {
  if (baseUrl !== undefined) throw new Error('baseUrl is for models that do not lie in MODELS_DIR.');
  const changes = { ...(tier ? { tier } : {}), ...(modelPackage ? { package: modelPackage } : {}) };
  return { ...model, entry: { ...model.entry, ...changes } };
}

async function loadEntry(path: string, address: string, entry: OperatorEntry): Promise<CatalogModel> {
  const isUrl = /^https?:\/\//.test(address);
  const file = isUrl ? null : resolve(dirname(path), address);
  const manifestBytes = await readManifest(file ?? address, isUrl);
  const manifest = decodeManifest(manifestBytes);
  if (manifest.id !== entry.id) throw new Error(`manifest is that of '${manifest.id}'.`);
  const directory = file === null ? '' : dirname(file);
  const beside = isUrl ? new URL('.', address).href : undefined;
  return await catalogModel({
    manifest,
    manifestBytes,
    directory,
    fileUrls: await locateFiles(manifest, directory, entry.baseUrl ?? beside),
    modelPackage: entry.package,
    createdMs: file === null ? Date.now() : (await stat(file)).mtimeMs,
    tier: entry.tier,
  });
}

async function readManifest(place: string, isUrl: boolean): Promise<Uint8Array> {
  try {
    return isUrl
      ? await fetchBytes(place, { maxBytes: MAX_MANIFEST_BYTES, timeoutMs: CATALOG_FETCH_TIMEOUT_MS })
      : await readFile(place);
  } catch (cause) {
    throw new Error(`manifest cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Addresses of the files, by name; empty where all lie in `directory`. */
async function locateFiles(
  manifest: ModelManifest,
  directory: string,
  baseUrl: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const urls = new Map<string, string>();
  for (const file of manifest.files) {
    const [source] = file.sources ?? [];
    const url = baseUrl === undefined ? source : new URL(file.name, withSlash(baseUrl)).href;
    const isHere = baseUrl === undefined && (await checkFile(directory, file).then(() => true, isMissing));
    if (isHere) continue;
    if (url === undefined)
      throw new Error(`baseUrl is missing: ${file.name} neither lies beside the manifest nor has a source.`);
    if (!webAddress.safeParse(url).success)
      throw new Error(`manifest: the source of ${file.name} is no http or https address.`);
    urls.set(file.name, url);
  }
  return urls;
}

/** False for a file that is not there; one of another size is a mistake. */
function isMissing(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT') return false;
  throw error;
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
