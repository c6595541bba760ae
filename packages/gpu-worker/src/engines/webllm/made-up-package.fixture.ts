import { hashChunks, bytesSource, tradedPackage } from '@opengateway/core';
import type { ChunkSource, ModelManifest } from '@opengateway/core';
import { standInPackageFiles } from '../../testing/stand-in-package.ts';
import type { AddressedPackage } from './package-places.ts';

export interface MadeUpPackage {
  readonly modelPackage: AddressedPackage;
  /** By path, with the kernels under `~library`. */
  readonly contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly bytes: number;
  /** Where it is published; the names of the files it was asked for, in order. */
  createServer(): ChunkSource & { readonly asked: string[] };
}

const CHUNK = 1_048_576;
const SHARDS = [2 * CHUNK + 1_000, 700];

/** A package of the library's form whose weights are a byte pattern; nobody answers at its addresses. */
export async function madeUpPackage({ architecture }: ModelManifest): Promise<MadeUpPackage> {
  const shards = SHARDS.map((length, seed) =>
    Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 9) + seed) & 0xff),
  );
  const described = standInPackageFiles({ architecture, shardBytes: SHARDS });
  const encoder = new TextEncoder();
  const contents = new Map<string, Uint8Array<ArrayBuffer>>([
    ...Object.entries(described).map(([path, text]) => [path, encoder.encode(text)] as const),
    ...shards.map((bytes, index) => [`params_shard_${index}.bin`, bytes] as const),
    ['tokenizer.json', encoder.encode('{"made":"up"}')],
    ['~library', encoder.encode('no kernels')],
  ]);
  const folder: { path: string; bytes: number; chunks: string[] }[] = [];
  for (const [path, bytes] of contents) {
    folder.push({ path, bytes: bytes.byteLength, chunks: await hashChunks(bytesSource(bytes)) });
  }
  const { path: _, ...library } = folder.pop()!;
  const modelPackage: AddressedPackage = {
    engine: 'webllm',
    modelUrl: 'http://127.0.0.1:9/made-up',
    modelLibUrl: 'http://127.0.0.1:9/made-up.wasm',
    files: {
      folder,
      library,
    },
  };
  const bytes = [...contents.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return {
    modelPackage,
    contents,
    bytes,
    createServer() {
      const asked: string[] = [];
      return {
        asked,
        async readChunk({ name }, index) {
          asked.push(name);
          return contents.get(name)!.slice(index * CHUNK, (index + 1) * CHUNK);
        },
      };
    },
  };
}

/** What is traded of it. */
export const tradedOf = async (manifest: ModelManifest, { modelPackage }: MadeUpPackage) =>
  (await tradedPackage(manifest, modelPackage))!;
