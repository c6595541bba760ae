import { errorCode } from '../errors.ts';
import { manifestHash } from '../models/canonical-manifest.ts';
import { MAX_MANIFEST_BYTES } from '../models/constants.ts';
import { decodeManifest } from '../models/parse-manifest.ts';
import { ManifestMismatchError, ManifestUnavailableError } from './errors.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { ModelManifest } from '../models/manifest.ts';

/** Fetches the bytes of a catalogue entry's manifest. */
export type FetchManifest = (entry: CatalogEntry, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Fetches manifests over HTTP; an entry's address may be relative to `baseUrl`.
 *
 * @throws ManifestUnavailableError, or the signal's reason.
 */
export const createManifestFetcher =
  (fetch: typeof globalThis.fetch, baseUrl: string): FetchManifest =>
  async (entry, signal) => {
    const url = new URL(entry.manifestUrl, baseUrl).href;
    try {
      const response = await fetch(url, { signal });
      if (!response.ok) throw new ManifestUnavailableError(url, `HTTP ${response.status}`);
      return await readCapped(response, url);
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      if (errorCode(cause) === 'manifest_unavailable') throw cause;
      throw new ManifestUnavailableError(url, cause instanceof Error ? cause.message : 'no answer', { cause });
    }
  };

/**
 * The manifest a catalogue entry names, known to be it.
 *
 * @throws InvalidManifestError, ManifestMismatchError, what `fetchManifest` throws.
 */
export async function loadManifest(
  entry: CatalogEntry,
  fetchManifest: FetchManifest,
  signal: AbortSignal,
): Promise<ModelManifest> {
  const manifest = decodeManifest(await fetchManifest(entry, signal));
  const hash = await manifestHash(manifest);
  if (hash !== entry.manifest) throw new ManifestMismatchError(entry.id, entry.manifest, hash);
  return manifest;
}

async function readCapped(response: Response, url: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.byteLength;
    if (length > MAX_MANIFEST_BYTES) throw new ManifestUnavailableError(url, `longer than ${MAX_MANIFEST_BYTES} bytes`);
    pieces.push(piece);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.byteLength;
  }
  return bytes;
}
