import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { decodeManifest, parseManifest } from './parse-manifest.ts';

const COMMITTED = new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url);

type Json = Record<string, any>;
let text: string;

beforeAll(async () => {
  text = await readFile(COMMITTED, 'utf8');
});

function changed(change: (manifest: Json) => void): unknown {
  const manifest = JSON.parse(text) as Json;
  change(manifest);
  return manifest;
}

function failure(change: (manifest: Json) => void): Error {
  try {
    parseManifest(changed(change));
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was accepted.');
}

describe('parseManifest', () => {
  it('accepts the embedded model', () => {
    expect(parseManifest(JSON.parse(text)).id).toBe('smollm2-135m-instruct');
    expect(decodeManifest(new TextEncoder().encode(text)).id).toBe('smollm2-135m-instruct');
  });

  it.each<[string, (manifest: Json) => void, string]>([
    ['a wrong format', (manifest) => (manifest['format'] = 'x/2'), 'format is not one of opengateway-manifest/1.'],
    [
      'a missing field',
      (manifest) => delete manifest['architecture'].headSize,
      'architecture.headSize is missing or no number.',
    ],
    ['an unknown field', (manifest) => (manifest['extra'] = 1), 'The manifest has the unknown key "extra".'],
    ['an id of the wrong form', (manifest) => (manifest['id'] = '../x'), 'id has the wrong form.'],
    [
      'a file name that is a path',
      (manifest) => (manifest['files'][0].name = '../x'),
      'files.0.name has the wrong form.',
    ],
    ['no files', (manifest) => (manifest['files'] = []), 'files is below 1.'],
    [
      'a hash too few',
      (manifest) => manifest['files'][0].chunks.pop(),
      'files.0.chunks has 93 hashes where 98362432 bytes have 94.',
    ],
    [
      'two files of one name',
      (manifest) => manifest['files'].push({ ...manifest['files'][0] }),
      'files.1.name is the name of an earlier file.',
    ],
    ['a tensor in no file', (manifest) => (manifest['tensors'][1].file = 1), 'tensors.1.file 1 is none of the files.'],
    [
      'a tensor outside its file',
      (manifest) => (manifest['tensors'][271].offset = 98_362_432),
      'tensors.271.offset puts the tensor outside its file.',
    ],
    [
      'a tensor of the wrong size',
      (manifest) => (manifest['tensors'][1].bytes = 2300),
      'tensors.1.bytes 2300 is not the size of [576] as F32.',
    ],
    [
      'overlapping tensors',
      (manifest) => (manifest['tensors'][1].offset -= 4),
      'tensors.1.offset puts the tensor over another.',
    ],
    [
      'a tensor that comes twice',
      (manifest) => (manifest['tensors'][6].name = 'blk.0.attn_v.weight'),
      'blk.0.attn_v.weight is unknown to this architecture or comes twice.',
    ],
    ['a missing tensor', (manifest) => manifest['tensors'].pop(), 'tensors lacks output_norm.weight.'],
    [
      'a tensor of another shape',
      (manifest) => (manifest['architecture'].feedForwardSize = 1024),
      'of blk.0.ffn_down.weight is [1536,576] where the architecture has [1024,576].',
    ],
    [
      'heads that do not divide',
      (manifest) => (manifest['architecture'].keyValueHeadCount = 2),
      'architecture.keyValueHeadCount 2 does not divide 9 query heads.',
    ],
    [
      'too many RoPE dimensions',
      (manifest) => (manifest['architecture'].ropeDimensionCount = 66),
      'architecture.ropeDimensionCount',
    ],
    [
      'an end token outside the vocabulary',
      (manifest) => (manifest['tokenizer'].endTokens = [49_152]),
      'tokenizer.endTokens',
    ],
    [
      'a tokenizer in no file',
      (manifest) => (manifest['tokenizer'].source.file = 'x'),
      'tokenizer.source.file is none of the files.',
    ],
    [
      'a tokenizer outside the file',
      (manifest) => (manifest['tokenizer'].source.bytes = 2 ** 40),
      'tokenizer.source.bytes lies outside',
    ],
  ])('refuses %s and names the field', (_, change, message) => {
    const error = failure(change);
    expect(errorCode(error)).toBe('invalid_manifest');
    expect(error.message).toContain(message);
  });

  it('answers any JSON with a manifest or a typed error', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (json) => {
        expectTyped(() => parseManifest(json));
      }),
    );
  });

  it('answers any change of one field with a manifest or a typed error', () => {
    const fields = ['files', 'tensors', 'architecture', 'tokenizer', 'license', 'chatTemplate', 'id', 'name'];
    const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.double(), fc.string(), fc.constant([]));
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.nat(20), value, (field, at, replacement) => {
        const json = changed((manifest) => {
          const target = manifest[field];
          const keys = typeof target === 'object' && target !== null ? Object.keys(target) : [];
          const key = keys[at % (keys.length + 1)];
          if (key === undefined) manifest[field] = replacement;
          else target[key] = replacement;
        });
        expectTyped(() => parseManifest(json));
      }),
      { numRuns: 200 },
    );
  });

  it('answers any bytes with a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expectTyped(() => decodeManifest(bytes));
      }),
    );
  });
});

function expectTyped(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(errorCode(error)).toBe('invalid_manifest');
  }
}
