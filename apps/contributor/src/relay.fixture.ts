import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { decodeManifest, manifestHash } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { createTinyModel } from '@opengateway/gpu-worker/testing';
import type { BootstrapDocument, ModelManifest } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';
import type { AddressInfo } from 'node:net';

/** The folder of the embedded models. */
export const MODELS = new URL('../../../models/', import.meta.url);
const MODEL = 'smollm2-135m-instruct';

export interface FixtureRelay {
  readonly url: string;
  readonly network: Network;
  readonly manifest: ModelManifest;
  readonly entry: BootstrapDocument['catalog'][number];
  /** A second model, the smallest there can be. */
  readonly tiny: BootstrapDocument['catalog'][number];
  /** Ranges of weights that were asked for. */
  readonly ranges: string[];
  stop(): Promise<void>;
}

/** As much of a relay as a contributor meets: a libp2p node, the bootstrap document and the embedded model. */
export async function startRelay(): Promise<FixtureRelay> {
  const manifestBytes = await readFile(new URL(`${MODEL}/manifest.json`, MODELS));
  const manifest = decodeManifest(manifestBytes);
  const [file] = manifest.files;
  const weights = await readFile(new URL(`${MODEL}/${file!.name}`, MODELS));
  const network = await createNetwork({}, { role: 'relay', region: 'europe' });
  await network.start();
  const entry = await describe(manifest);
  const { manifest: tinyManifest, bytes: tinyWeights } = await createTinyModel();
  const tiny = await describe(tinyManifest);
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/bootstrap') {
      const relay = { peer: network.peer, multiaddrs: network.multiaddrs() };
      response.end(JSON.stringify({ protocol: 1, relay, region: 'europe', catalog: [entry, tiny] }));
    } else if (request.url === entry.manifestUrl) {
      response.end(manifestBytes);
    } else if (request.url === tiny.manifestUrl) {
      response.end(JSON.stringify(tinyManifest));
    } else {
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const asked = request.url?.startsWith(`/models/${tiny.id}/`) === true ? tinyWeights : weights;
      ranges.push(`${start}-${end}`);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${asked.length}` });
      response.end(asked.subarray(Number(start), Number(end) + 1));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    network,
    manifest,
    entry,
    tiny,
    ranges,
    async stop() {
      server.close();
      server.closeAllConnections();
      await network.stop();
    },
  };
}

const describe = async (manifest: ModelManifest): Promise<BootstrapDocument['catalog'][number]> => ({
  id: manifest.id,
  name: manifest.name,
  manifest: await manifestHash(manifest),
  manifestUrl: `/models/${manifest.id}/manifest.json`,
  bytes: manifest.files[0]!.bytes,
  layerCount: manifest.architecture.layerCount,
  contextLength: manifest.architecture.contextLength,
  license: manifest.license.spdx,
});
