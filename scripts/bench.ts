/**
 * `npm run bench [-- --out FILE]`: how fast the wasm engine loads, prefills and decodes in Node and in Chromium, beside
 * wllama in the same Chromium, and what `/v1` adds. Prints a table and writes JSON (default .cache/bench.json).
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseManifest } from '@opengateway/core';
import { build } from './build.ts';
import { measureInChromium } from './bench/chromium.ts';
import { MODEL_PATH } from './bench/constants.ts';
import { measureInNode } from './bench/node.ts';
import { measureV1 } from './bench/v1.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: '.cache/bench.json' } } });

await build();
const manifest = parseManifest(JSON.parse(await readFile(`${root}/${MODEL_PATH}/manifest.json`, 'utf8')));
const node = await measureInNode(manifest, `${root}/${MODEL_PATH}`);
const chromium = await measureInChromium(root, manifest.files[0]!.name);
const v1 = await measureV1(root, node.speed.decode);
const report = { date: new Date().toISOString(), cpu: cpus()[0]?.model, cores: cpus().length, node, chromium, v1 };

const row = (name: string, ...cells: (number | string)[]) =>
  console.log([name.padEnd(34), ...cells.map((cell) => format(cell).padStart(12))].join(''));
const format = (cell: number | string) => (typeof cell === 'number' ? cell.toFixed(cell < 20 ? 2 : 0) : cell);
row('one thread, tokens/s', 'prefill', 'decode', 'prefill x4', 'decode x4', 'load ms');
const speedRow = (name: string, speed: typeof node.speed, loadMs: number | string) =>
  row(name, speed.prefill, speed.decode, speed.prefillBatch, speed.decodeBatch, loadMs);
speedRow('wasm, Node', node.speed, node.loadMs);
speedRow('wasm, Node, two threads', node.twoThreads, '');
speedRow('wasm, Chromium', chromium.wasm, chromium.loadMs);
speedRow('wasm without relaxed SIMD, Chromium', chromium.wasmPlainSimd, '');
row('wllama, Chromium', chromium.wllama.prefill, chromium.wllama.decode, '', '', chromium.wllama.loadMs);
row('wasm over wllama', chromium.ratio.prefill, chromium.ratio.decode);
console.log(
  `/v1: first token ${v1.firstTokenMs.toFixed(0)} ms after ${v1.promptTokens} prompt tokens, ` +
    `${v1.tokensPerSecond.toFixed(1)} tokens/s; adds ${v1.addedMsPerToken.toFixed(2)} ms per token to the engine`,
);

const streams = v1.fourStreamsTokensPerSecond / v1.oneStreamTokensPerSecond;
console.log(
  `/v1 with four streams: ${v1.fourStreamsTokensPerSecond.toFixed(0)} tokens/s in all, ${streams.toFixed(2)} times those ` +
    `of one (${v1.oneStreamTokensPerSecond.toFixed(0)})`,
);
const times = (more: number, less: number) => (more / less).toFixed(2);
console.log(
  `four at once over one: ${times(node.speed.decodeBatch, node.speed.decode)}; two threads over one: prefill ` +
    `${times(node.twoThreads.prefill, node.speed.prefill)}, decode ${times(node.twoThreads.decode, node.speed.decode)}`,
);
const { perToken, layers, speed, adapter } = chromium.webgpu;
console.log(
  `webgpu, per decoded token of ${layers} layers: ${perToken.dispatches} dispatches, ${perToken.submits} submit, ` +
    `${perToken.bufferWrites} buffer write of ${perToken.bytesWritten} bytes, ${perToken.bytesRead} bytes read back ` +
    '(WebLLM, 32 layers: 342 dispatches, 357 buffer writes)',
);
console.log(
  speed
    ? `webgpu on ${adapter}: prefill ${speed.prefillTokensPerSecond.toFixed(0)}, decode ` +
        `${speed.decodeTokensPerSecond.toFixed(0)} tokens/s, ${(speed.weightBytesPerSecond / 1e9).toFixed(1)} GB/s of weights`
    : `webgpu: no speed given, ${adapter} is a software adapter`,
);

const out = values.out;
await mkdir(dirname(out), { recursive: true });
await writeFile(out, `${JSON.stringify(report, null, 2)}\n`);
console.log(`Written to ${out}`);
