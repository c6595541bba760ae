/**
 * `npm run model:manifest -- FILE.gguf [--id ID] [--name NAME] [--out FILE]`: writes a model's manifest beside it.
 * With an address instead of a file: reads it by ranges, and names the address as the file's source.
 * `--package URL --library URL [--out FILE]`: writes what a catalogue says of a WebLLM package, with its hashes.
 */
import { open, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { hashChunks, manifestFromGguf, manifestHash, readGguf, toWire } from '@opengateway/core';
import { openAddress } from './byte-ranges.ts';
import { modelPackage } from './model-package.ts';
import type { ByteSource, ModelManifest } from '@opengateway/core';

const USAGE = `Usage: npm run model:manifest -- FILE.gguf|URL [--id ID] [--name NAME] [--out FILE]
       npm run model:manifest -- --package URL --library URL [--out FILE]`;

export interface ModelManifestOptions {
  /** @default the file's name in lower case, without extension and quantisation */
  readonly id?: string;
  /** @default the file's name without extension and quantisation */
  readonly name?: string;
}

/** The manifest of a GGUF file on disk, or at an address that answers ranges. */
export async function modelManifest(place: string, options: ModelManifestOptions = {}): Promise<ModelManifest> {
  if (isAddress(place)) {
    const file = basename(new URL(place).pathname);
    return describe(await openAddress(place), file, { sources: [place] }, options);
  }
  await using handle = await open(place);
  const { size } = await handle.stat();
  const source: ByteSource = {
    bytes: size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    },
  };
  return await describe(source, basename(place), {}, options);
}

async function describe(
  source: ByteSource,
  file: string,
  where: { readonly sources?: string[] },
  options: ModelManifestOptions,
): Promise<ModelManifest> {
  const name = options.name ?? file.replace(/\.gguf$/i, '').replace(/[.-](I?Q\d\w*|B?F\d\d)$/i, '');
  return manifestFromGguf(await readGguf(source), {
    id: options.id ?? name.toLowerCase(),
    name,
    files: [{ name: file, bytes: source.bytes, chunks: await hashChunks(source), ...where }],
  });
}

/** A manifest as it is written to disk: a line for each tensor and each hash, so that differences show. */
export function formatManifest(manifest: ModelManifest): string {
  const lines = manifest.tensors.map((tensor) => `    ${JSON.stringify(tensor)}`);
  const head = JSON.stringify({ ...manifest, tensors: [] }, null, 2);
  return `${head.slice(0, head.lastIndexOf('[]'))}[\n${lines.join(',\n')}\n  ]\n}\n`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      id: { type: 'string' },
      name: { type: 'string' },
      out: { type: 'string' },
      package: { type: 'string' },
      library: { type: 'string' },
    },
  });
  const { package: modelUrl, library: modelLibUrl, out, ...options } = values;
  if (modelUrl !== undefined && modelLibUrl !== undefined && positionals.length === 0) {
    return writePackage({ modelUrl, modelLibUrl }, out ?? 'webllm.json');
  }
  const [place] = positionals;
  if (place === undefined || positionals.length > 1 || modelUrl !== undefined || modelLibUrl !== undefined) {
    throw new Error(USAGE);
  }
  const beside = isAddress(place) ? '.' : dirname(place);
  const path = out ?? join(beside, 'manifest.json');
  const manifest = await modelManifest(place, options);
  await writeFile(path, formatManifest(manifest));
  console.log(`${manifest.id}: ${await manifestHash(manifest)}, written to ${path}`);
}

async function writePackage(addresses: Parameters<typeof modelPackage>[0], path: string): Promise<void> {
  const described = await modelPackage(addresses, (file, bytes) =>
    console.log(`${file}: ${(bytes / 1e6).toFixed(1)} MB`),
  );
  await writeFile(path, `${JSON.stringify(described, null, 2)}\n`);
  console.log(`Written to ${path}`);
}

const isAddress = (place: string): boolean => /^https?:\/\//.test(place);

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(toWire(error).message);
    process.exitCode = 1;
  });
}
