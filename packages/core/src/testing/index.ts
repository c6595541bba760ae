export * from './byte-text-codec.ts';
export * from './fake-clock.ts';
export * from './fake-completions.ts';
export * from './fake-coordinator.ts';
export * from './fake-generator.ts';
export { FAKE_MODEL_SHAPE } from './fake-layer-model.ts';
export * from './fake-layer-runner.ts';
export * from './stream-pair.ts';
