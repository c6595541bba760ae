import { engineContract } from '../engine.contract.ts';
import { createReferenceEngine } from './engine.ts';

engineContract({
  name: 'reference',
  create: ({ reader, ...init }) => createReferenceEngine({ reader }, init),
  closeness: { meanKl: 0, topAgreement: 1, hiddenCosine: 1 - 1e-12 },
});
