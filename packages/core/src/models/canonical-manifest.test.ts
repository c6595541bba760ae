import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalManifest, manifestHash } from './canonical-manifest.ts';
import { tinyLlama } from './tiny-llama.fixture.ts';
import type { ModelManifest } from './manifest.ts';

const text = (manifest: ModelManifest) => new TextDecoder().decode(canonicalManifest(manifest));

describe('canonicalManifest', () => {
  it('sorts keys, has no whitespace and says the same thing', async () => {
    const { manifest } = await tinyLlama();
    expect(text(manifest)).toMatch(/^\{"architecture":\{"contextLength":64,"family":"llama","feedForwardSize":12,/);
    expect(JSON.parse(text(manifest))).toEqual(manifest);
  });

  it('does not depend on the order of keys', async () => {
    const { manifest } = await tinyLlama();
    const reversed = Object.fromEntries(Object.entries(manifest).toReversed()) as unknown as ModelManifest;
    expect(text(reversed)).toBe(text(manifest));
  });

  it('leaves out where files may be had', async () => {
    const { manifest } = await tinyLlama();
    const files = manifest.files.map((file) => ({ ...file, sources: ['https://example.org/tiny.gguf'] }));
    expect(await manifestHash({ ...manifest, files })).toBe(await manifestHash(manifest));
    expect(await manifestHash({ ...manifest, name: 'Other' })).not.toBe(await manifestHash(manifest));
  });

  it('is what the identity hashes', async () => {
    const { manifest } = await tinyLlama();
    expect(await manifestHash(manifest)).toBe(createHash('sha256').update(canonicalManifest(manifest)).digest('hex'));
  });
});
