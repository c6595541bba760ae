import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { decodeManifest, manifestHash } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { formatManifest, modelManifest } from './model-manifest.ts';
import { modelPackage } from './model-package.ts';
import type { AddressInfo } from 'node:net';

const MODEL = new URL('../models/smollm2-135m-instruct/', import.meta.url);
const GGUF = 'SmolLM2-135M-Instruct.Q4_1.gguf';

/** Answers ranges of these files, and whole ones. */
async function serve(files: ReadonlyMap<string, Uint8Array>) {
  const server = createServer(({ url, headers }, answer) => {
    const bytes = files.get(url ?? '');
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (bytes === undefined) return void answer.writeHead(404).end();
    if (start === undefined) return void answer.writeHead(200).end(bytes);
    const part = bytes.subarray(Number(start), Number(end) + 1);
    const range = `bytes ${start}-${Number(start) + part.byteLength - 1}/${bytes.byteLength}`;
    answer.writeHead(206, { 'content-range': range }).end(part);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close() };
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('modelManifest', () => {
  it('makes the manifest that is committed for the embedded model', async () => {
    const committed = await readFile(new URL('manifest.json', MODEL), 'utf8');
    const made = await modelManifest(fileURLToPath(new URL(GGUF, MODEL)));
    expect(formatManifest(made)).toBe(committed);
    expect(decodeManifest(new TextEncoder().encode(committed))).toEqual(made);
    expect(made.id).toBe('smollm2-135m-instruct');
    expect(made.license.spdx).toBe('Apache-2.0');
  });

  it('makes the same model of an address, which it names as its source', async () => {
    using server = await serve(new Map([[`/files/${GGUF}`, await readFile(new URL(GGUF, MODEL))]]));
    const made = await modelManifest(`${server.url}/files/${GGUF}`);
    const committed = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
    expect(await manifestHash(made)).toBe(await manifestHash(committed));
    expect(made.files[0]?.sources).toEqual([`${server.url}/files/${GGUF}`]);
    await expect(modelManifest(`${server.url}/other.gguf`)).rejects.toThrow('answered 404');
  });
});

describe('modelPackage', () => {
  const shards = [new Uint8Array(1_500_000).fill(7), new Uint8Array(10).fill(8)];
  const files = () =>
    new Map([
      ['/m/resolve/main/mlc-chat-config.json', text({ tokenizer_files: ['vocab.json', 'tokenizer.json'] })],
      ['/m/resolve/main/tensor-cache.json', text({ records: [{ dataPath: 'a.bin' }, { dataPath: 'b.bin' }] })],
      ['/m/resolve/main/tokenizer.json', text({})],
      ['/m/resolve/main/a.bin', shards[0]!],
      ['/m/resolve/main/b.bin', shards[1]!],
      ['/m.wasm', new Uint8Array(5)],
    ]);

  it('lists all that the library reads, with the hash of every chunk', async () => {
    using server = await serve(files());
    const addresses = { modelUrl: `${server.url}/m`, modelLibUrl: `${server.url}/m.wasm` };
    const made = await modelPackage(addresses);
    if ('prebuilt' in made) throw new Error('It has addresses.');
    expect(made).toMatchObject({ engine: 'webllm', ...addresses });
    const paths = made.files?.folder.map(({ path, bytes, chunks }) => [path, bytes, chunks.length]);
    expect(paths?.map(([path]) => path)).toEqual([
      'mlc-chat-config.json',
      'tensor-cache.json',
      'tokenizer.json',
      'a.bin',
      'b.bin',
    ]);
    expect(paths?.[3]).toEqual(['a.bin', 1_500_000, 2]);
    expect(made.files?.folder[4]?.chunks).toEqual([createHash('sha256').update(shards[1]!).digest('hex')]);
    expect(made.files?.library?.bytes).toBe(5);
  });

  it('says what is missing', async () => {
    const without = files();
    without.delete('/m/resolve/main/b.bin');
    using server = await serve(without);
    const addresses = { modelUrl: `${server.url}/m/`, modelLibUrl: `${server.url}/m.wasm` };
    await expect(modelPackage(addresses)).rejects.toThrow('b.bin answered 404 to a range');
  });
});
