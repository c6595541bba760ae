/** Builds what unit and browser tests run on: the WASM kernels, if their sources changed since the last build. */
import { build } from './build.ts';

export default async function setup(): Promise<void> {
  await build({ quiet: true, only: ['compute kernels'] });
}
