export * from './fake-completions.ts';
