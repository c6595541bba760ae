import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { startContributorProcess } from './contributor-process.ts';
import type { Clock } from '@opengateway/core';

/** A process that says a line, then does what `code` says. */
const command = (code: string) => ['-e', `console.log(JSON.stringify({ state: 'serving' })); ${code}`];
const STAY = 'setInterval(() => {}, 1000);';
const INSIST = `process.on('SIGTERM', () => console.log('not yet')); console.log('deaf'); ${STAY}`;

/** A logger that hands every entry to whoever waits for the first that fits. */
function recordingLogger() {
  const entries: { msg?: string; contributor?: object; line?: string; waitMs?: number; reason?: string }[] = [];
  let look: (() => void) | undefined;
  const stream = {
    write(text: string) {
      entries.push(JSON.parse(text));
      look?.();
    },
  };
  const seen = (fits: (entry: (typeof entries)[number]) => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (entries.some(fits)) resolve();
      };
      look();
    });
  return { logger: pino({}, stream), entries, seen };
}

/** Waits are over at once. */
const instantClock: Clock = {
  now: () => 0,
  sleep: (_ms, signal) => (signal?.aborted === true ? Promise.reject(signal.reason) : Promise.resolve()),
};

describe('startContributorProcess', () => {
  it('logs what the process says and stops it with SIGTERM', async () => {
    const { logger, entries, seen } = recordingLogger();
    const contributor = startContributorProcess({ logger }, { command: command(STAY) });
    await seen(({ contributor: said }) => said !== undefined);
    await contributor.stop(60_000);
    expect(entries.some(({ contributor: said }) => JSON.stringify(said) === '{"state":"serving"}')).toBe(true);
    expect(entries.some(({ reason }) => reason !== undefined)).toBe(false);
  });

  it('starts a process that died again, each time after a longer wait', async () => {
    const { logger, entries, seen } = recordingLogger();
    const contributor = startContributorProcess(
      { logger, clock: instantClock },
      { command: command('process.exit(3);') },
    );
    await seen(({ waitMs }) => waitMs === 4_000);
    await contributor.stop(60_000);
    const deaths = entries.filter(({ waitMs }) => waitMs !== undefined);
    expect(deaths.slice(0, 3).map(({ waitMs, reason }) => [waitMs, reason])).toEqual([
      [1_000, 'exit code 3'],
      [2_000, 'exit code 3'],
      [4_000, 'exit code 3'],
    ]);
  });

  it('kills a process that does not leave', async () => {
    const { logger, seen } = recordingLogger();
    const contributor = startContributorProcess({ logger }, { command: command(INSIST) });
    await seen(({ line }) => line === 'deaf');
    await contributor.stop(20);
  });
});
