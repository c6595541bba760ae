import { tradedManifest, tradedPackage } from '@opengateway/core';
import { createPackageSource } from '../engines/webllm/package-places.ts';
import { createHttpSource } from '../storage/http-source.ts';
import type { ChunkSource, ModelManifest, TradedFiles } from '@opengateway/core';
import type { WeightsLocation } from '../api.ts';

/** What of a model is traded with peers, and the server beside them; undefined where nothing is. */
export function tradedFrom(
  manifest: ModelManifest,
  location: WeightsLocation,
): { readonly files: Promise<TradedFiles>; readonly server: ChunkSource | undefined } | undefined {
  if (location.kind !== 'package') {
    const server = location.kind === 'http' ? createHttpSource({ baseUrl: location.baseUrl }) : undefined;
    return { files: tradedManifest(manifest), server };
  }
  const { package: modelPackage } = location;
  if ('prebuilt' in modelPackage || modelPackage.files === undefined) return undefined;
  const files = tradedPackage(manifest, modelPackage) as Promise<TradedFiles>;
  return { files, server: createPackageSource(modelPackage) };
}
