import { OpenGatewayError } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from './classify-failure.ts';

const named = (name: string, message = 'what it says') => Object.assign(new Error(message), { name });

describe('classifyFailure', () => {
  it.each([
    ['gpu_feature_missing', named('ShaderF16SupportError')],
    [
      'gpu_feature_missing',
      named(
        'FeatureSupportError',
        'This model requires feature subgroups, which is not yet supported by this browser.',
      ),
    ],
    [
      'gpu_feature_missing',
      new Error("Error while parsing WGSL: :3:14 error: 'f16' type used without 'f16' extension enabled"),
    ],
    ['gpu_unavailable', named('WebGPUNotAvailableError')],
    [
      'gpu_unavailable',
      new Error("Unable to find a compatible GPU. This issue might be because your computer doesn't have a GPU"),
    ],
    [
      'gpu_unavailable',
      new Error(
        'Cannot initialize runtime because of requested maxStorageBuffersPerShaderStage exceeds limit. requested=10, limit=8.',
      ),
    ],
    [
      'device_lost',
      named(
        'DeviceLostError',
        'The WebGPU device was lost while loading the model. This issue often occurs due to running out of memory (OOM).',
      ),
    ],
    ['insufficient_memory', new RangeError('Array buffer allocation failed')],
    ['insufficient_memory', new RangeError('WebAssembly.Memory(): could not allocate memory')],
    ['insufficient_memory', new Error('GPUOutOfMemoryError: Out of memory')],
    ['unsupported_model', named('ModelNotFoundError', 'Cannot find model record in appConfig for other.')],
    ['unsupported_model', named('MissingModelWasmError')],
    ['invalid_package', named('UnsupportedTokenizerFilesError')],
    ['invalid_package', named('WindowSizeConfigurationError')],
    ['invalid_package', named('IntegrityError')],
    ['invalid_package', named('CompileError', 'WebAssembly.instantiate(): expected magic word 00 61 73 6d')],
    ['invalid_package', named('LinkError')],
    ['invalid_package', new SyntaxError('Unexpected token < in JSON at position 0')],
    [
      'context_length_exceeded',
      named(
        'ContextWindowSizeExceededError',
        'Prompt tokens exceed context window size: number of prompt tokens: 5000; context window size: 4096',
      ),
    ],
    ['storage_full', new DOMException('Quota exceeded.', 'QuotaExceededError')],
    ['package_unavailable', new TypeError('Failed to fetch')],
    ['package_unavailable', new TypeError("Failed to execute 'add' on 'Cache': Request failed")],
    ['package_unavailable', new Error('Cannot fetch https://models.test/params_shard_0.bin')],
    ['engine_failed', new Error('Internal Error: filledKVCacheLength does not match expected value.')],
    ['engine_failed', named('ModelNotLoadedError')],
  ])('tells %s from %s', (code, error) => {
    expect(classifyFailure(error)).toMatchObject({ code });
  });

  it.each([
    ['gpu_feature_missing', 'ShaderF16SupportError: This model requires WebGPU extension shader-f16'],
    ['unsupported_model', 'Error: ModelNotFoundError: Cannot find model record'],
    ['device_lost', 'DeviceLostError: The WebGPU device was lost'],
    ['package_unavailable', 'TypeError: Failed to fetch'],
    ['engine_failed', 'Engine.unload() is called.'],
  ])('tells %s from an error that crossed a boundary as the string %j', (code, text) => {
    expect(classifyFailure(text)).toMatchObject({ code });
    expect(classifyFailure(new Error(text))).toMatchObject({ code });
  });

  it('keeps a failure that has a code as it is', () => {
    const error = new OpenGatewayError('device_lost', 'The GPU was lost.', { retryable: true });
    expect(classifyFailure(error)).toBe(error);
  });

  it('tells the numbers of a prompt that is too long', () => {
    const error = named('ContextWindowSizeExceededError', 'number of prompt tokens: 5000; context window size: 4096');
    expect(classifyFailure(error).message).toBe('5000 tokens were asked for; at most 4096 fit.');
  });

  it('makes an error with a code and a sentence of anything thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const { code, message } = classifyFailure(thrown);
        return code.length > 0 && message.length > 0;
      }),
    );
  });
});
