import { CONTRACT_MODELS, engineContract } from '../engine.contract.ts';
import { requestGpuDevice } from './device.ts';
import { createWebGpuEngine } from './engine.ts';

const gpu = await requestGpuDevice(navigator.gpu);

engineContract({
  name: 'webgpu',
  create: ({ reader, ...init }) => createWebGpuEngine({ reader, gpu }, init),
  closeness: { meanKl: 0.001, topAgreement: 0.95, hiddenCosine: 0.9999 },
  runs: 2,
});

// What a GPU would run, where the tests' adapter, a CPU, chooses otherwise.
const { 'heads of 64 as three to one, Q4_1, tied embeddings': model } = CONTRACT_MODELS;
engineContract({
  name: 'webgpu (int8 products, kernels of a GPU)',
  create: ({ reader, ...init }) => {
    const variant = {
      arithmetic: 'int8',
      compact: false,
      maxMatvecTokens: 4,
      largeTiles: true,
      pagesAtOnce: 8,
    } as const;
    return createWebGpuEngine({ reader, gpu }, { ...init, variant });
  },
  closeness: { meanKl: 0.02, topAgreement: 0.9, hiddenCosine: 0.999 },
  models: { 'heads of 64, Q4_1': model },
  computationOnly: true,
  runs: 1,
});
