import { engineContract } from '../engine.contract.ts';
import { createWasmEngine } from './engine.ts';
import { KERNEL_VARIANTS } from './kernels.ts';

const closeness = { meanKl: 0.02, topAgreement: 0.9, hiddenCosine: 0.999 };

for (const variant of KERNEL_VARIANTS) {
  engineContract({
    name: `wasm (${variant})`,
    create: ({ reader, ...init }) => createWasmEngine({ reader }, { ...init, variant }),
    closeness,
  });
}

engineContract({
  name: 'wasm (two threads)',
  create: ({ reader, ...init }) => createWasmEngine({ reader }, { ...init, threads: 2 }),
  closeness,
  runs: 10,
});
