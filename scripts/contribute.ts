/** `npm run contribute -- --relay URL`: builds what is stale, then becomes the contributor's process. */
import { build } from './build.ts';

await build({ only: ['compute kernels', 'contributor'] });
await import('../apps/contributor/src/cli.ts');
