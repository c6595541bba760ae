/// <reference types="@webgpu/types" />
import { BANDWIDTH_BUDGET_MS, GPU_COPY_BYTES, GPU_MEMORY_BUDGET_MS, GPU_MEMORY_STEP_BYTES } from './constants.ts';
import { isSoftwareAdapter } from './software-adapter.ts';
import type { GraphicsMeasurement } from './types.ts';

/**
 * Takes GPU memory step by step up to `pledgedBytes`, touches it, frees all of it, and times a copy within it.
 *
 * @returns null where there is no GPU, or only a software one, whose memory is the processor's.
 */
export async function measureGraphics(
  gpu: GPU | undefined,
  options: { pledgedBytes: number; now: () => number; signal: AbortSignal; allowSoftware?: boolean },
): Promise<GraphicsMeasurement | null> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const info = { vendor, architecture, description, isFallback: isFallbackAdapter };
  if (isSoftwareAdapter(info) && options.allowSoftware !== true) return null;
  const device = await adapter.requestDevice({
    label: 'opengateway-probe',
    requiredLimits: { maxBufferSize: Math.min(adapter.limits.maxBufferSize, GPU_MEMORY_STEP_BYTES) },
  });
  try {
    const taken = await takeMemory(device, options);
    return { ...taken, bandwidthBytesPerSecond: await timeCopies(device, options) };
  } finally {
    device.destroy();
  }
}

async function takeMemory(
  device: GPUDevice,
  { pledgedBytes, now, signal }: { pledgedBytes: number; now: () => number; signal: AbortSignal },
): Promise<Pick<GraphicsMeasurement, 'memoryBytes' | 'moreLeft'>> {
  const stepBytes = Math.min(GPU_MEMORY_STEP_BYTES, device.limits.maxBufferSize);
  const deadlineMs = now() + GPU_MEMORY_BUDGET_MS;
  const buffers: GPUBuffer[] = [];
  let memoryBytes = 0;
  let moreLeft = true;
  try {
    while (memoryBytes < pledgedBytes && now() < deadlineMs && !signal.aborted) {
      const size = Math.min(stepBytes, Math.ceil((pledgedBytes - memoryBytes) / 4) * 4);
      const buffer = await takeBuffer(device, size);
      if (buffer === null) {
        moreLeft = false;
        break;
      }
      buffers.push(buffer);
      memoryBytes += size;
    }
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
  return { memoryBytes: Math.min(memoryBytes, pledgedBytes), moreLeft };
}

/** A buffer that really is there: drivers promise memory and give it when it is written. */
async function takeBuffer(device: GPUDevice, size: number): Promise<GPUBuffer | null> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const buffer = device.createBuffer({
    label: 'probe',
    size,
    usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.clearBuffer(buffer);
  device.queue.submit([encoder.finish()]);
  const failures = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  await device.queue.onSubmittedWorkDone();
  if (failures.every((failure) => failure === null)) return buffer;
  buffer.destroy();
  return null;
}

async function timeCopies(
  device: GPUDevice,
  { now, signal }: { now: () => number; signal: AbortSignal },
): Promise<number> {
  const bytes = Math.min(GPU_COPY_BYTES, device.limits.maxBufferSize);
  const from = await takeBuffer(device, bytes);
  const to = await takeBuffer(device, bytes);
  try {
    if (from === null || to === null) return 0;
    const copy = async (count: number) => {
      const encoder = device.createCommandEncoder();
      for (let index = 0; index < count; index++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
      const startedMs = now();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      return Math.max(0.01, now() - startedMs);
    };
    // Grows until a submission is long enough that its own cost no longer counts.
    let count = 1;
    let elapsedMs = await copy(count);
    while (elapsedMs < BANDWIDTH_BUDGET_MS / 4 && count < 256 && !signal.aborted) {
      count *= 4;
      elapsedMs = await copy(count);
    }
    return (2 * bytes * count * 1000) / elapsedMs;
  } finally {
    from?.destroy();
    to?.destroy();
  }
}
