import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SAMPLING } from '@opengateway/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MODELS, startRelay } from './relay.fixture.ts';
import type { CoordinatorRequest, ManifestHash, ModelId } from '@opengateway/core';
import type { ChildProcess } from 'node:child_process';
import type { LogEvent } from './log.ts';
import type { FixtureRelay } from './relay.fixture.ts';

let relay: FixtureRelay;
let directory: string;
beforeAll(async () => {
  relay = await startRelay();
  directory = await mkdtemp(join(tmpdir(), 'contributor-'));
});
afterAll(async () => {
  await relay.stop();
  await rm(directory, { recursive: true });
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const launch = (...args: string[]) => launchFile('./main.ts', ...args);

/** A contributor process; `until` resolves with the first line, from now on or before, that fits. */
function launchFile(file: string, ...args: string[]) {
  const main = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [main, '--data-dir', directory, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const until = (fits: (event: LogEvent) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!lines.some((line) => fits(JSON.parse(line) as LogEvent))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const exited = once(child, 'exit').then(([code]) => code as number);
  return { child, lines, until, exited, stderr: () => stderr };
}

const serving = (event: LogEvent) => event.event === 'state' && event.state === 'serving';

/** The relay hears of a contributor a moment after it serves. */
const announced = () =>
  new Promise<void>((resolve) => {
    const look = () => relay.network.registry.peers().some(({ advert }) => advert.state === 'serving');
    if (look()) return resolve();
    const end = relay.network.registry.subscribe(() => {
      if (!look()) return;
      end();
      resolve();
    });
  });

async function answer(maxTokens: number): Promise<number[]> {
  const request: CoordinatorRequest = {
    model: relay.entry.id as ModelId,
    manifest: relay.entry.manifest as ManifestHash,
    layerCount: relay.entry.layerCount,
    vocabularySize: 49_152,
    tokens: [1, 4093, 198, 504, 3575, 282, 4649, 314],
    promptTokenCount: 8,
    maxTokens,
    endTokens: [],
    sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: 1 },
  };
  const tokens: number[] = [];
  for await (const event of relay.network.coordinator.run(request, { signal: new AbortController().signal })) {
    if (event.type === 'token') tokens.push(event.token);
  }
  return tokens;
}

describe('the contributor process', () => {
  it('joins, reads weights from a folder, answers and leaves in order', async () => {
    const { child, lines, until, exited } = launch('--relay', relay.url, '--models', fileURLToPath(MODELS), '--json');
    await until(serving);
    await announced();
    expect(relay.ranges).toEqual([]);
    expect(await answer(12)).toHaveLength(12);
    await until((event) => event.event === 'served' && event.requests === 1 && event.tokens === 12);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    const states = lines
      .map((line) => JSON.parse(line) as LogEvent)
      .flatMap((event) => (event.event === 'state' ? [event.state] : []));
    expect(states).toEqual(['probing', 'loading', 'self-test', 'serving', 'idle']);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'left' });
  });

  it('fetches weights once, keeps them, and gives the same answer', async () => {
    const first = launch('--relay', relay.url, '--json');
    await first.until(serving);
    const chunks = relay.manifest.files[0]!.chunks.length;
    expect(new Set(relay.ranges).size).toBeGreaterThan(chunks - 3);
    await announced();
    const tokens = await answer(12);
    first.child.kill('SIGTERM');
    await first.exited;
    relay.ranges.length = 0;
    const second = launch('--relay', relay.url, '--json');
    await second.until(serving);
    expect(relay.ranges).toEqual([]);
    await announced();
    expect(await answer(12)).toEqual(tokens);
  });

  it('serves the first of several models and keeps the others, in the region it was told', async () => {
    const models = ['--model', `${relay.entry.id},${relay.tiny.id}`, '--models', fileURLToPath(MODELS)];
    const { child, lines, until, exited } = launch('--relay', relay.url, ...models, '--region', 'europe', '--json');
    await until((event) => event.event === 'model' && event.model === relay.tiny.id && event.state === 'disk');
    const events = lines.map((line) => JSON.parse(line) as LogEvent);
    const joined = events.find(({ event }) => event === 'joined');
    expect(joined).toMatchObject({ region: 'europe', regionSource: 'override' });
    expect(events.find((event) => event.event === 'state' && event.state === 'serving')).toMatchObject({
      model: relay.entry.id,
    });
    expect(events).toContainEqual(expect.objectContaining({ event: 'model', model: relay.entry.id, state: 'memory' }));
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('ends with code 1 and a reason when the relay lacks the model', async () => {
    const { lines, exited } = launch('--relay', relay.url, '--model', 'none-such');
    expect(await exited).toBe(1);
    expect(lines.at(-1)).toContain('none-such');
  });

  it('ends with code 2 and one line on a wrong option', async () => {
    const { exited, stderr } = launch('--engine', 'steam');
    expect(await exited).toBe(2);
    expect(stderr()).toMatch(/^--engine steam: [^\n]+\n$/);
  });

  it('prints its options on --help, and nothing else, as the command of the package runs it', async () => {
    const { exited, lines, stderr } = launchFile('./cli.ts', '--help');
    expect(await exited).toBe(0);
    expect(lines.join('\n')).toContain('--kv-budget-mb');
    expect(stderr()).toBe('');
  });
});
