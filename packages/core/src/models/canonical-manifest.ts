import { sha256Hex } from './chunk-hash.ts';
import type { ManifestHash } from '../ids.ts';
import type { ModelManifest } from './manifest.ts';

/**
 * The bytes that a model's identity is the hash of: JSON with sorted keys and no whitespace, as RFC 8785
 * has it. Where the files may be had (`sources`) is no part of what the model is and left out.
 */
export function canonicalManifest(manifest: ModelManifest): Uint8Array {
  const files = manifest.files.map((file) => ({ ...file, sources: undefined }));
  return new TextEncoder().encode(canonicalJson({ ...manifest, files }));
}

/** The model's identity: sha256 of its manifest's canonical form, in lower-case hex. */
export async function manifestHash(manifest: ModelManifest): Promise<ManifestHash> {
  return (await sha256Hex(canonicalManifest(manifest))) as ManifestHash;
}

/** ECMAScript's number and string forms and order of UTF-16 units are those that RFC 8785 prescribes. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
