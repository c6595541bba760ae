/** `npm run model:manifest -- FILE.gguf [--id ID] [--name NAME] [--out FILE]`: writes a model's manifest beside it. */
import { open, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { hashChunks, manifestFromGguf, manifestHash, readGguf, toWire } from '@opengateway/core';
import type { ByteSource, ModelManifest } from '@opengateway/core';

export interface ModelManifestOptions {
  /** @default the file's name in lower case, without extension and quantisation */
  readonly id?: string;
  /** @default the file's name without extension and quantisation */
  readonly name?: string;
}

/** The manifest of a GGUF file on disk. */
export async function modelManifest(path: string, options: ModelManifestOptions = {}): Promise<ModelManifest> {
  await using handle = await open(path);
  const { size } = await handle.stat();
  const source: ByteSource = {
    bytes: size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    },
  };
  const file = basename(path);
  const name = options.name ?? file.replace(/\.gguf$/i, '').replace(/[.-](I?Q\d\w*|B?F\d\d)$/i, '');
  return manifestFromGguf(await readGguf(source), {
    id: options.id ?? name.toLowerCase(),
    name,
    files: [{ name: file, bytes: size, chunks: await hashChunks(source) }],
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
    options: { id: { type: 'string' }, name: { type: 'string' }, out: { type: 'string' } },
  });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    throw new Error('Usage: npm run model:manifest -- FILE.gguf [--id ID] [--name NAME] [--out FILE]');
  }
  const { out = join(dirname(path), 'manifest.json'), ...options } = values;
  const manifest = await modelManifest(path, options);
  await writeFile(out, formatManifest(manifest));
  console.log(`${manifest.id}: ${await manifestHash(manifest)}, written to ${out}`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(toWire(error).message);
    process.exitCode = 1;
  });
}
