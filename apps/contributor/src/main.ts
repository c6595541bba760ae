/** `npm run contribute`: the tab without a tab. Exit codes: 0 left in order, 1 failed, 2 wrong command line. */
import { errorCode, toWire } from '@opengateway/core';
import { SHUTDOWN_TIMEOUT_MS } from './constants.ts';
import { contribute } from './contribute.ts';
import { createJsonLog, createTextLog } from './log.ts';
import { USAGE, parseOptions } from './options.ts';
import type { ContributeOptions } from './options.ts';

// Whoever read this process's lines may be gone; that is no reason to stop serving.
process.stdout.on('error', () => {});
const write = (line: string) => void process.stdout.write(`${line}\n`);

async function run(options: ContributeOptions): Promise<number> {
  const log = options.json ? createJsonLog(write, Date.now) : createTextLog(write);
  const leaving = new AbortController();
  const leave = (reason: string) => {
    if (leaving.signal.aborted) return;
    log({ event: 'leaving', signal: reason });
    leaving.abort(new Error(reason));
    setTimeout(() => process.exit(1), SHUTDOWN_TIMEOUT_MS).unref();
  };
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    // The second time someone insists.
    if (++signals > 1) process.exit(1);
    leave(signal);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // Started by a relay, it goes when the relay does, however that ended.
  process.once('disconnect', () => leave('disconnect'));
  process.channel?.unref();
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
const code = typeof options === 'number' ? options : await run(options);
// All that had to be ended has been; what a library left open is not waited for.
process.stdout.write('', () => process.exit(code));
