import { engineContract } from '../engine.contract.ts';
import { requestGpuDevice } from './device.ts';
import { createWebGpuEngine } from './engine.ts';

const gpu = await requestGpuDevice(navigator.gpu);

engineContract({
  name: 'webgpu',
  create: ({ reader, ...init }) => createWebGpuEngine({ reader, gpu }, init),
  closeness: { meanKl: 0.001, topAgreement: 0.95, hiddenCosine: 0.9999 },
  runs: 5,
});
