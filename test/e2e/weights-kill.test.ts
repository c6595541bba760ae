import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHUNK_BYTES, bootstrapSchema } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { ProjectProcess, Relay } from './relay-process.ts';
import { Device, WITHIN_MS, file, keptChunks } from './weights-device.ts';

const LOADER = new URL('weights-process.ts', import.meta.url).pathname;
/** Lines of the log, `verified` and `kept` of every chunk, at which the loader is killed; it goes on from there. */
const KILLED_AT_LINES = [9, 81];

interface Received {
  readonly verified: ReadonlySet<number>;
  readonly kept: ReadonlySet<number>;
  readonly lines: number;
  /** From peers in this run. */
  readonly bytes: number;
}

async function readLog(path: string): Promise<Received> {
  const text = await readFile(path, 'utf8').catch(() => '');
  // The last line may be cut off.
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '));
  const of = (word: string) => new Set(lines.filter(([first]) => first === word).map(([, chunk]) => Number(chunk)));
  return { verified: of('verified'), kept: of('kept'), lines: lines.length, bytes: Number(lines.at(-1)?.[2] ?? 0) };
}

describe('kill -9 in mid-transfer', () => {
  it('loses at most the one chunk that was verified and not kept yet, each time', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using seeder = await Device.start(relay.url);
    await seeder.serving();
    const { multiaddrs } = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json()).relay;
    const folder = await mkdtemp(join(tmpdir(), 'opengateway-kill-'));
    const store = join(folder, 'weights');
    const start = (log: string) => new ProjectProcess([LOADER, multiaddrs.join(','), store, log], {});
    try {
      let before = new Map<number, boolean>();
      for (const [run, lines] of KILLED_AT_LINES.entries()) {
        const log = join(folder, `log-${run}`);
        await using loader = start(log);
        await until(loader, async () => (await readLog(log)).lines + 2 * before.size >= lines);
        await loader.kill('SIGKILL');
        const received = await readLog(log);
        const onDisk = await keptChunks(store);
        const lost = [...received.verified].filter((chunk) => !onDisk.has(chunk));
        const newChunks = onDisk.size - before.size;
        console.info(
          `killed with ${onDisk.size} of ${file.chunks.length} chunks kept: ${lost.length} verified and lost, ` +
            `${((received.bytes - newChunks * CHUNK_BYTES) / CHUNK_BYTES).toFixed(2)} chunks received and not kept`,
        );
        expect(lost.length).toBeLessThanOrEqual(1);
        expect([...received.kept].filter((chunk) => !onDisk.has(chunk))).toEqual([]);
        expect([...before.keys()].filter((chunk) => !onDisk.has(chunk))).toEqual([]);
        expect(new Set(onDisk.values())).toEqual(new Set([true]));
        expect(onDisk.size).toBeLessThan(file.chunks.length);
        // What was there is not fetched again.
        expect([...received.verified].filter((chunk) => before.has(chunk))).toEqual([]);
        before = onDisk;
      }
      const log = join(folder, 'log-last');
      await using loader = start(log);
      if (loader.child.exitCode === null) await once(loader.child, 'exit', { signal: AbortSignal.timeout(WITHIN_MS) });
      expect(loader.child.exitCode, loader.lines.join('\n')).toBe(0);
      const { verified } = await readLog(log);
      expect([...verified].filter((chunk) => before.has(chunk))).toEqual([]);
      expect((await keptChunks(store)).size).toBe(before.size + verified.size);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function until(loader: ProjectProcess, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WITHIN_MS;
  while (!(await check())) {
    const ended = loader.child.exitCode !== null;
    if (ended || Date.now() > deadline) throw new Error(`The loader never got that far:\n${loader.lines.join('\n')}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
