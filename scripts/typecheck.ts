/** Type-checks every workspace against its own tsconfig (each has its own library set: core has no DOM). */
import { spawnSync } from 'node:child_process';

const PROJECTS = ['.', 'packages/core', 'packages/gpu-worker', 'apps/relay', 'apps/contributor', 'apps/web'];
const only = process.argv.slice(2);

let failed = false;
for (const project of only.length > 0 ? only : PROJECTS) {
  const { status } = spawnSync('tsc', ['-p', project], { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
