/** `npm start`: builds what is stale, then runs a relay with a contributor of its own until Ctrl-C. */
import { build } from './build.ts';

const startedMs = performance.now();
await build();
// The relay's modules take a moment to load: after the build, whose lines tell what is going on.
const { runRelay } = await import('../apps/relay/src/main.ts');
console.log('Starting the relay and a contributor…');
// People read this output: what goes well has a line of its own below.
await runRelay({ LOG_LEVEL: 'warn', ...process.env });
console.log(`Took ${((performance.now() - startedMs) / 1000).toFixed(1)} s. Ctrl-C stops it.`);
