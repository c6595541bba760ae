import { OpenGatewayError } from '@opengateway/core';
import type { EngineKind } from '@opengateway/core';
import type { DeviceProbe } from './types.ts';

/** This device cannot run the engine that was asked for. */
export class UnsupportedDeviceError extends OpenGatewayError {
  static override readonly name = 'UnsupportedDeviceError';
  constructor(message: string) {
    super('unsupported_device', message);
  }
}

/** @throws UnsupportedDeviceError where the device, as it says of itself, cannot run `engine`. */
export function checkEngine({ kernels, graphics, host }: DeviceProbe, engine: EngineKind): void {
  switch (engine) {
    case 'reference':
      return;
    case 'wasm':
      if (kernels === null) throw new UnsupportedDeviceError('There is no WebAssembly SIMD here; an update brings it.');
      return;
    case 'webgpu':
    case 'webllm':
      if (host === 'node') throw new UnsupportedDeviceError(`The engine ${engine} needs a browser.`);
      if (graphics === null) {
        throw new UnsupportedDeviceError(`The engine ${engine} needs WebGPU, which this browser does not offer here.`);
      }
      return;
    default:
      engine satisfies never;
  }
}
