import { describe, expect, it } from 'vitest';
import { packageOrigins } from './security-headers.ts';

describe('packageOrigins', () => {
  it('opens nothing for models of the relay itself', () => {
    const own = { engine: 'webllm', modelUrl: '/models/a/package', modelLibUrl: '/models/a/package/a.wasm' } as const;
    expect(packageOrigins([{}, { package: own }])).toEqual([]);
  });

  it('opens the hosts that the operator named, each once', () => {
    const modelUrl = 'https://weights.example/a/';
    const entries = ['https://weights.example/a.wasm', 'https://kernels.example:8443/b.wasm'].map((modelLibUrl) => ({
      package: { engine: 'webllm', modelUrl, modelLibUrl } as const,
    }));
    expect(packageOrigins(entries)).toEqual(['https://kernels.example:8443', 'https://weights.example']);
  });

  it('opens the hosts of the library for a model of its own list', () => {
    const entry = { package: { engine: 'webllm', prebuilt: 'SmolLM2-135M-Instruct-q0f32-MLC' } as const };
    expect(packageOrigins([entry])).toContain('https://huggingface.co');
  });
});
