import type { BindingAccess, Kernel } from './kernels/kernel.ts';

/** A kernel ready to run. */
export interface Pipeline {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** What is bound: a whole buffer, or a part of one. */
export type Binding = GPUBuffer | GPUBufferBinding;

const BUFFER_TYPES = { read: 'read-only-storage', write: 'storage', uniform: 'uniform' } as const;

const caches = new WeakMap<GPUDevice, PipelineCache>();

/** The pipelines of a device: one per kernel source, shared by all engines on it. */
export function pipelinesOf(device: GPUDevice): PipelineCache {
  let cache = caches.get(device);
  if (!cache) caches.set(device, (cache = new PipelineCache(device)));
  return cache;
}

export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, { bindings: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The pipeline of a kernel; compiled the first time, which the GPU process does on its own. */
  get(kernel: Kernel): Pipeline {
    const found = this.#pipelines.get(kernel.wgsl);
    if (found) return found;
    const { bindings, pipeline: layout } = this.#layout(kernel.bindings);
    const { label, wgsl: code } = kernel;
    const module = this.#device.createShaderModule({ label, code });
    const pipeline = this.#device.createComputePipeline({ label, layout, compute: { module, entryPoint: 'main' } });
    const made = { kernel, pipeline, layout: bindings };
    this.#pipelines.set(kernel.wgsl, made);
    return made;
  }

  bind({ kernel, layout }: Pipeline, buffers: readonly Binding[]): GPUBindGroup {
    return this.#device.createBindGroup({
      label: kernel.label,
      layout,
      entries: buffers.map((resource, binding) => ({
        binding,
        resource: 'resource' in resource || 'buffer' in resource ? resource : { buffer: resource },
      })),
    });
  }

  #layout(bindings: readonly BindingAccess[]) {
    const key = bindings.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      const group = this.#device.createBindGroupLayout({
        label: key,
        entries: bindings.map((access, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: BUFFER_TYPES[access] },
        })),
      });
      const pipeline = this.#device.createPipelineLayout({ label: key, bindGroupLayouts: [group] });
      this.#layouts.set(key, (layout = { bindings: group, pipeline }));
    }
    return layout;
  }
}
