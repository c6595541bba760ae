export * from './fake-engine.ts';
export * from './greedy-sampler.ts';
export * from './stand-in-gpu.ts';
export * from './stand-in-package.ts';
export * from './stand-in-web-llm.ts';
export * from './tiny-model.ts';
