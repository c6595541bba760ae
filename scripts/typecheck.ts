/** Type-checks every workspace against its own tsconfig (each has its own library set: core has no DOM). */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const PROJECTS = ['.', 'packages/core', 'packages/gpu-worker', 'apps/relay', 'apps/contributor', 'apps/web'];
const only = process.argv.slice(2);

const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace(/package\.json$/, 'bin/tsc');

let failed = false;
for (const project of only.length > 0 ? only : PROJECTS) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
