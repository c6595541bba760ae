import { createEngine } from '../engines/create-engine.ts';
import { layersContract } from './layers.contract.ts';

for (const kind of ['reference', 'wasm'] as const) layersContract({ kind, create: createEngine });
