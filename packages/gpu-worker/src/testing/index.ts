export * from './fake-engine.ts';
export * from './greedy-sampler.ts';
