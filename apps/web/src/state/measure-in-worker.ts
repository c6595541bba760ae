import type { DeviceMeasurement, DeviceProbe, MeasureRequest } from '@opengateway/gpu-worker';
import { MEASURE_TIMEOUT_MS } from '../constants.ts';

/** Measures in an engine worker of its own, which ends with it, however it ends. */
export async function measureInWorker(
  probe: DeviceProbe,
  request: Pick<MeasureRequest, 'threads' | 'gpuMemoryBytes'>,
): Promise<DeviceMeasurement> {
  const { candidateEngines, createEngineClient } = await import('@opengateway/gpu-worker');
  const client = createEngineClient();
  const timer = setTimeout(() => void client.terminate(), MEASURE_TIMEOUT_MS);
  try {
    return await client.measure({ ...request, engines: candidateEngines(probe) });
  } finally {
    clearTimeout(timer);
    await client.terminate();
  }
}
