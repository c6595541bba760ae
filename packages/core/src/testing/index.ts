export * from './fake-clock.ts';
export * from './fake-completions.ts';
export * from './fake-generator.ts';
