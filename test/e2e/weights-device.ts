import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifestHash, parseManifest, verifyChunk } from '@opengateway/core';
import { expect } from 'vitest';
import { contributorLaunch } from '../../apps/contributor/src/launch.ts';
import { createFileSystemStore } from '../../packages/gpu-worker/src/storage/file-system.ts';
import { ProjectProcess } from './relay-process.ts';

/** The one model that every relay of the tests has. */
export const MODEL = 'smollm2-135m-instruct';
/** For a model to come and be loaded. */
export const WITHIN_MS = 150_000;

export const manifest = parseManifest(
  JSON.parse(await readFile(new URL(`../../models/${MODEL}/manifest.json`, import.meta.url), 'utf8')),
);
export const file = manifest.files[0]!;

/** Numbers of the chunks that a folder keeps, and whether each is the model's. */
export async function keptChunks(directory: string): Promise<Map<number, boolean>> {
  const store = createFileSystemStore({ directory });
  const key = { manifest: await manifestHash(manifest), file };
  const found = new Map<number, boolean>();
  try {
    for (const index of file.chunks.keys()) {
      const bytes = await store.read(key, index);
      if (bytes === undefined) continue;
      const isGood = await verifyChunk(file, index, bytes).then(
        () => true,
        () => false,
      );
      found.set(index, isGood);
    }
  } finally {
    await store.close();
  }
  return found;
}

interface Line {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** A contributor's process with a folder of its own. */
export class Device implements AsyncDisposable {
  readonly directory: string;
  readonly process: ProjectProcess;

  private constructor(directory: string, process: ProjectProcess) {
    this.directory = directory;
    this.process = process;
  }

  /** `largestFileKib`: what the system lets the process write to one file. */
  static async start(url: string, { largestFileKib }: { largestFileKib?: number } = {}): Promise<Device> {
    const directory = await mkdtemp(join(tmpdir(), 'opengateway-weights-'));
    const own = ['--relay', url, '--data-dir', directory, '--upload-mbit', '10000', '--threads', '1', '--json'];
    const { args, environment } = contributorLaunch(own);
    if (largestFileKib === undefined) return new Device(directory, new ProjectProcess(args, environment));
    const limited = ['bash', '-c', `ulimit -f ${largestFileKib}; exec "$0" "$@"`, process.execPath, ...args];
    const become = `process.execve('/bin/bash', ${JSON.stringify(limited)})`;
    return new Device(directory, new ProjectProcess(['--no-warnings', '-e', become], environment));
  }

  lines(event: string): Line[] {
    return this.process.lines.map((line) => JSON.parse(line) as Line).filter((line) => line.event === event);
  }

  async until(check: () => boolean): Promise<void> {
    const isOver = () => check() || this.process.child.exitCode !== null;
    await expect.poll(isOver, { timeout: WITHIN_MS, interval: 50 }).toBe(true);
    if (!check()) throw new Error(`It ended:\n${this.process.lines.join('\n')}`);
  }

  serving(): Promise<void> {
    return this.until(() => this.lines('state').some(({ state }) => state === 'serving'));
  }

  /** Numbers of the chunks on the disk that are marked as whole, and whether each is the model's. */
  chunks(): Promise<Map<number, boolean>> {
    return keptChunks(join(this.directory, 'weights'));
  }

  /** Ends it in order and tells what it gave to others. */
  async given(): Promise<number> {
    await this.process.kill('SIGTERM');
    return Number(this.lines('weights-given')[0]?.['bytes'] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }
}
