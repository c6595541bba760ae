/** Builds everything that an installation runs on, if its sources changed since the last build. */
import { build } from './build.ts';

export default async function setup(): Promise<void> {
  await build({ quiet: true });
}
