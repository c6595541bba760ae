import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '@opengateway/core';
import { contributorLaunch } from '../../contributor/src/launch.ts';
import {
  CONTRIBUTOR_RESTART_MAX_MS,
  CONTRIBUTOR_RESTART_MS,
  CONTRIBUTOR_STEADY_MS,
  MAX_CHILD_LINE_CHARS,
} from './constants.ts';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '@opengateway/core';
import type { Logger } from 'pino';

export interface ContributorProcessInit {
  /** Arguments after `node`. */
  readonly command: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** A contributor in a process of its own: its memory and its failures are not the relay's. */
export interface ContributorProcess {
  /** Asks it to leave; kills it if it has not within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** How this project's contributor is run against a relay on this machine. */
export function contributorProcessInit(
  relayUrl: string,
  directories: { readonly models: string; readonly data: string },
): ContributorProcessInit {
  const { args, environment } = contributorLaunch(['--relay', relayUrl, '--models', directories.models, '--json']);
  return {
    command: args,
    environment: { ...process.env, ...environment, DATA_DIR: directories.data },
  };
}

/** Runs a contributor and starts it again with back-off whenever it ends, until it is stopped. */
export function startContributorProcess(
  { logger, clock = systemClock }: { readonly logger: Logger; readonly clock?: Clock },
  { command, environment = process.env }: ContributorProcessInit,
): ContributorProcess {
  const stopped = new AbortController();
  let child: ChildProcess | undefined;

  const running = (async () => {
    let waitMs = CONTRIBUTOR_RESTART_MS;
    while (!stopped.signal.aborted) {
      const startedMs = clock.now();
      child = launch(command, environment, logger);
      const reason = await ended(child);
      if (stopped.signal.aborted) return;
      if (clock.now() - startedMs >= CONTRIBUTOR_STEADY_MS) waitMs = CONTRIBUTOR_RESTART_MS;
      logger.warn({ reason, waitMs }, 'contributor ended, starting it again');
      // Rejects only when stopped, which the loop's condition sees.
      await clock.sleep(waitMs, stopped.signal).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, CONTRIBUTOR_RESTART_MAX_MS);
    }
  })();

  return {
    async stop(timeoutMs) {
      stopped.abort();
      child?.kill('SIGTERM');
      const timer = setTimeout(() => child?.kill('SIGKILL'), timeoutMs);
      await running;
      clearTimeout(timer);
    },
  };
}

function launch(command: readonly string[], environment: NodeJS.ProcessEnv, logger: Logger): ChildProcess {
  const child = spawn(process.execPath, [...command], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C reaches the relay alone, which lets running answers finish first.
    detached: true,
    windowsHide: true,
  });
  logLines(child.stdout, (line) => {
    const said = parseLine(line);
    logger[hasError(said) ? 'warn' : 'info'](said, 'contributor');
  });
  logLines(child.stderr, (line) => logger.warn({ line }, 'contributor'));
  return child;
}

async function ended(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return signal ?? `exit code ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function logLines(stream: Readable | null, log: (line: string) => void): void {
  if (stream === null) return;
  createInterface({ input: stream }).on('line', (line) => log(line.slice(0, MAX_CHILD_LINE_CHARS)));
}

function parseLine(line: string): { contributor?: object; line?: string } {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) return { contributor: parsed };
  } catch {
    // Not every line of a process is one of its own making: Node's warnings are plain text.
  }
  return { line };
}

const hasError = ({ contributor }: { contributor?: object }): boolean =>
  contributor !== undefined && 'error' in contributor && contributor.error !== null;
