/** `npm run contribute`: the tab without a tab. Exit codes: 0 left in order, 1 failed, 2 wrong command line. */
import { errorCode, toWire } from '@opengateway/core';
import { SHUTDOWN_TIMEOUT_MS } from './constants.ts';
import { contribute } from './contribute.ts';
import { createJsonLog, createTextLog } from './log.ts';
import { USAGE, parseOptions } from './options.ts';
import type { ContributeOptions } from './options.ts';

const write = (line: string) => void process.stdout.write(`${line}\n`);

async function run(options: ContributeOptions): Promise<number> {
  const log = options.json ? createJsonLog(write, Date.now) : createTextLog(write);
  const leaving = new AbortController();
  const leave = (signal: NodeJS.Signals) => {
    // The second time someone insists.
    if (leaving.signal.aborted) process.exit(1);
    log({ event: 'leaving', signal });
    leaving.abort(new Error(signal));
    setTimeout(() => process.exit(1), SHUTDOWN_TIMEOUT_MS).unref();
  };
  process.on('SIGTERM', leave).on('SIGINT', leave);
  try {
    await contribute(options, { log, signal: leaving.signal });
  } catch (error) {
    if (!leaving.signal.aborted) {
      log({ event: 'failed', error: toWire(error) });
      return 1;
    }
  }
  log({ event: 'left' });
  return 0;
}

function readOptions(): ContributeOptions | number {
  try {
    const options = parseOptions(process.argv.slice(2), process.env);
    if (options !== 'help') return options;
    write(USAGE);
    return 0;
  } catch (error) {
    if (errorCode(error) !== 'usage') throw error;
    process.stderr.write(`${(error as Error).message} See --help.\n`);
    return 2;
  }
}

const options = readOptions();
process.exitCode = typeof options === 'number' ? options : await run(options);
