import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decodeManifest } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { formatManifest, modelManifest } from './model-manifest.ts';

const MODEL = new URL('../models/smollm2-135m-instruct/', import.meta.url);

describe('modelManifest', () => {
  it('makes the manifest that is committed for the embedded model', async () => {
    const committed = await readFile(new URL('manifest.json', MODEL), 'utf8');
    const made = await modelManifest(fileURLToPath(new URL('SmolLM2-135M-Instruct.Q4_1.gguf', MODEL)));
    expect(formatManifest(made)).toBe(committed);
    expect(decodeManifest(new TextEncoder().encode(committed))).toEqual(made);
    expect(made.id).toBe('smollm2-135m-instruct');
    expect(made.license.spdx).toBe('Apache-2.0');
  });
});
