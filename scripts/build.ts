/** Builds the WASM kernels and the site, each only when its sources changed. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Target {
  readonly name: string;
  readonly sources: readonly string[];
  readonly outputs: readonly string[];
  readonly commands: readonly (readonly string[])[];
}

const ASSEMBLY = 'packages/gpu-worker/src/engines/wasm/assembly';

const KERNEL_FEATURES = {
  'relaxed-simd': ['--enable', 'simd', '--enable', 'relaxed-simd'],
  simd: ['--enable', 'simd'],
};
const KERNEL_OPTIONS = '-O3 --noAssert --runtime stub --importMemory --initialMemory 1 --memoryBase 1024'.split(' ');
const THREAD_FEATURES = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65535'];

/** Every build of the kernels: optimised, without run-time support, on a memory the engine brings. */
const KERNEL_BUILDS = Object.entries(KERNEL_FEATURES).flatMap(([variant, features]) => [
  { output: `packages/gpu-worker/dist/kernels-${variant}.wasm`, features },
  { output: `packages/gpu-worker/dist/kernels-${variant}-threads.wasm`, features: [...features, ...THREAD_FEATURES] },
]);
const kernelCommand = ({ output, features }: { output: string; features: readonly string[] }): readonly string[] => [
  'asc',
  `${ASSEMBLY}/index.ts`,
  ...KERNEL_OPTIONS,
  ...features,
  '-o',
  output,
];

/** Targets of one stage are built side by side; later stages take in what earlier ones made. */
const STAGES: readonly (readonly Target[])[] = [
  [
    {
      name: 'compute kernels',
      sources: [`${ASSEMBLY}/*.ts`, 'package-lock.json'],
      outputs: KERNEL_BUILDS.map(({ output }) => output),
      commands: KERNEL_BUILDS.map(kernelCommand),
    },
  ],
  [
    {
      name: 'contributor',
      sources: [
        'apps/contributor/{src/**/*,vite.config.ts}',
        'packages/*/src/**/*.ts',
        'packages/*/package.json',
        'package-lock.json',
      ],
      outputs: ['apps/contributor/dist/main.js'],
      commands: [['vite', 'build', '--config', 'apps/contributor/vite.config.ts', '--logLevel', 'warn']],
    },
    {
      name: 'site',
      sources: [
        'apps/web/{index.html,public/**/*,src/**/*}',
        'packages/*/src/**/*.{ts,tsx,wasm}',
        'vite.config.ts',
        'package-lock.json',
      ],
      outputs: ['apps/web/dist/index.html'],
      commands: [['vite', 'build', '--logLevel', 'warn']],
    },
  ],
];

const ROOT = new URL('..', import.meta.url);
const BIN = fileURLToPath(new URL('node_modules/.bin', ROOT));
/** Commands are found however this script was started. */
const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` };
const STAMPS = new URL('.cache/build/', ROOT);

/** Runs the stale targets, or those of them that are named, stage by stage. */
export async function build({
  quiet = false,
  only,
}: { quiet?: boolean; only?: readonly string[] } = {}): Promise<void> {
  for (const stage of STAGES) {
    const targets = stage.filter(({ name }) => !only || only.includes(name));
    await Promise.all(targets.map((target) => buildTarget(target, quiet)));
  }
}

async function buildTarget(target: Target, quiet: boolean): Promise<void> {
  const digest = await sourcesDigest(target);
  const stamp = new URL(`${target.name.replaceAll(' ', '-')}.sha256`, STAMPS);
  const fresh =
    target.outputs.every((path) => existsSync(new URL(path, ROOT))) &&
    existsSync(stamp) &&
    (await readFile(stamp, 'utf8')) === digest;
  if (fresh) return;
  if (!quiet) console.log(`Building the ${target.name}…`);
  await Promise.all(
    target.commands.map(([command, ...args]) =>
      promisify(execFile)(command as string, args, { cwd: ROOT, env, shell: process.platform === 'win32' }),
    ),
  );
  await mkdir(STAMPS, { recursive: true });
  await writeFile(stamp, digest);
}

async function sourcesDigest(target: Target): Promise<string> {
  const paths = new Set<string>();
  for (const pattern of target.sources) {
    for await (const path of glob(pattern, { cwd: ROOT })) paths.add(path);
  }
  const hash = createHash('sha256').update(JSON.stringify(target.commands));
  for (const path of [...paths].sort()) {
    const content = await readFile(new URL(path, ROOT)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EISDIR') return '';
      throw error;
    });
    hash.update(path).update('\0').update(content);
  }
  return hash.digest('hex');
}

if (import.meta.main) await build();
