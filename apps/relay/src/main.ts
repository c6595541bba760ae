/** The relay as a process: `npm run relay`, with settings from the environment (docs/OPERATIONS.md). */
import { OpenGatewayError } from '@opengateway/core';
import pino from 'pino';
import { readConfig } from './config.ts';
import { startRelay } from './relay.ts';
import { onStopSignals } from './stop-signals.ts';
import { openTextClient } from './text-client.ts';

/** Runs a relay until it is told to stop; ends the process with a line that says why if it cannot start. */
export async function runRelay(environment: NodeJS.ProcessEnv): Promise<void> {
  try {
    const config = readConfig(environment);
    // Logs go to stderr without blocking; stdout has the lines for people.
    const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: false }));
    process.on('unhandledRejection', (reason) => logger.error({ err: reason }, 'unhandled rejection'));
    const relay = await startRelay({ logger, openTextClient }, config);
    onStopSignals(() => relay.stop());
    console.log(`OpenGateway listens on ${relay.url}`);
    const models = await relay.ready;
    console.log(`Ready: ${models.join(', ')}, chat at ${relay.url}/chat, API at ${relay.url}/v1`);
  } catch (error) {
    if (!(error instanceof OpenGatewayError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

if (import.meta.main) await runRelay(process.env);
