import { PACKAGE_LIBRARY } from '@opengateway/core';
import { packageFolder } from './package.ts';
import type { ChunkSource, ManifestFile, ModelPackage } from '@opengateway/core';
import { createHttpSource } from '../../storage/http-source.ts';

/** A package by its two addresses, both absolute. */
export type AddressedPackage = Extract<ModelPackage, { readonly modelUrl: string }>;

/** Where the library looks for a file: one of its caches, and the address that is its key there. */
export interface CachePlace {
  readonly cache: 'webllm/model' | 'webllm/config' | 'webllm/wasm';
  readonly url: string;
}

const CONFIG_FILE = 'mlc-chat-config.json';

/**
 * The library's own rule (0.2.86: `reloadInternal`, `asyncLoadTokenizer` and `fetchTensorCache`, with the Cache API,
 * its default).
 */
export function cachePlace(
  { modelUrl, modelLibUrl }: AddressedPackage,
  { name }: Pick<ManifestFile, 'name'>,
): CachePlace {
  if (name === PACKAGE_LIBRARY) return { cache: 'webllm/wasm', url: modelLibUrl };
  const { href } = new URL(name, packageFolder(modelUrl));
  return { cache: name === CONFIG_FILE ? 'webllm/config' : 'webllm/model', url: href };
}

/** A package's files from where they are published. */
export const createPackageSource = (modelPackage: AddressedPackage): ChunkSource =>
  createHttpSource({
    baseUrl: packageFolder(modelPackage.modelUrl),
    elsewhere: ({ name }) => (name === PACKAGE_LIBRARY ? modelPackage.modelLibUrl : undefined),
  });
