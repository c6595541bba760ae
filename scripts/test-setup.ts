/** Builds what tests run on (WASM kernels, the site) if their sources changed since the last build. */
import { build } from './build.ts';

export default async function setup(): Promise<void> {
  await build({ quiet: true });
}
