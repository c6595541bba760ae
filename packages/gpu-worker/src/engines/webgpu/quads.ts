import type { GpuDevice } from './device.ts';
import type { Kernel } from './kernels/kernel.ts';
import { pipelinesOf } from './pipelines.ts';

const THREADS = 128;

const KERNEL: Kernel = {
  label: 'quads',
  bindings: ['write'],
  wgsl: /* wgsl */ `enable subgroups;
@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) lane: u32) {
  let first = quadBroadcast(lane, 0u);
  let last = quadBroadcast(lane, 3u);
  output[lane] = first * 1000u + last;
}
`,
};

const answers = new WeakMap<GPUDevice, Promise<boolean>>();

/**
 * Whether four neighbouring threads of a workgroup are a quad, in order. Every GPU known does it so, and no
 * specification promises it; `matvec` sums wrongly where it is not.
 */
export function hasOrderedQuads(gpu: GpuDevice): Promise<boolean> {
  let answer = answers.get(gpu.device);
  if (!answer) answers.set(gpu.device, (answer = gpu.features.subgroups ? testQuads(gpu) : Promise.resolve(false)));
  return answer;
}

async function testQuads(gpu: GpuDevice): Promise<boolean> {
  const { device } = gpu;
  const size = THREADS * 4;
  const output = device.createBuffer({ label: 'quads', size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const target = device.createBuffer({
    label: 'quads',
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const pipelines = pipelinesOf(device);
  const pipeline = pipelines.get(KERNEL);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline.pipeline);
  pass.setBindGroup(0, pipelines.bind(pipeline, [output]));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(output, target);
  device.queue.submit([encoder.finish()]);
  try {
    await gpu.race(target.mapAsync(GPUMapMode.READ));
    const found = new Uint32Array(target.getMappedRange());
    return found.every((value, lane) => value === (lane - (lane % 4)) * 1000 + lane - (lane % 4) + 3);
  } finally {
    output.destroy();
    target.destroy();
  }
}
