import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { decodeManifest, manifestHash } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
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
  const entry = {
    id: manifest.id,
    name: manifest.name,
    manifest: await manifestHash(manifest),
    manifestUrl: `/models/${manifest.id}/manifest.json`,
    bytes: file!.bytes,
    layerCount: manifest.architecture.layerCount,
    contextLength: manifest.architecture.contextLength,
    license: manifest.license.spdx,
  };
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/bootstrap') {
      const relay = { peer: network.peer, multiaddrs: network.multiaddrs() };
      response.end(JSON.stringify({ protocol: 1, relay, region: 'europe', catalog: [entry] }));
    } else if (request.url === entry.manifestUrl) {
      response.end(manifestBytes);
    } else {
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      ranges.push(`${start}-${end}`);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${weights.length}` });
      response.end(weights.subarray(Number(start), Number(end) + 1));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    network,
    manifest,
    entry,
    ranges,
    async stop() {
      server.close();
      server.closeAllConnections();
      await network.stop();
    },
  };
}
