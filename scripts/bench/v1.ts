import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import OpenAI from 'openai';
import { DECODE_TOKENS, ROUNDS } from './constants.ts';
import { median } from './measure-engine.ts';

export interface V1Figures {
  readonly promptTokens: number;
  readonly firstTokenMs: number;
  /** From the first token to the last. */
  readonly tokensPerSecond: number;
  /** Of one stream and of four at once, all tokens over all the time, prompts included. */
  readonly oneStreamTokensPerSecond: number;
  readonly fourStreamsTokensPerSecond: number;
  /** Time per token of the stream, less that of the engine called directly in the same run. */
  readonly addedMsPerToken: number;
}

/** Streams at once beside one alone. */
const STREAMS = 4;
const READY_WITHIN_MS = 60_000;
const POLL_MS = 200;

/** Streams answers from a relay and its contributor, started for this and stopped again. */
export async function measureV1(root: string, engineTokensPerSecond: number): Promise<V1Figures> {
  const port = await freePort();
  const dataDir = await mkdtemp(join(tmpdir(), 'opengateway-bench-'));
  const relay = spawn(process.execPath, ['apps/relay/src/main.ts'], {
    cwd: root,
    env: { ...process.env, PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await ready(port, relay);
    const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'none', maxRetries: 0 });
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await streamOnce(client));
    const four: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      const streams = await Promise.all(Array.from({ length: STREAMS }, () => streamOnce(client)));
      four.push((streams.reduce((sum, { tokens }) => sum + tokens, 0) * 1000) / (performance.now() - start));
    }
    const tokensPerSecond = median(rounds.map((one) => one.tokensPerSecond));
    return {
      promptTokens: rounds[0]!.promptTokens,
      firstTokenMs: median(rounds.map((one) => one.firstTokenMs)),
      tokensPerSecond,
      oneStreamTokensPerSecond: median(rounds.map((one) => one.wholeTokensPerSecond)),
      fourStreamsTokensPerSecond: median(four),
      addedMsPerToken: 1000 / tokensPerSecond - 1000 / engineTokensPerSecond,
    };
  } finally {
    const exited = once(relay, 'exit');
    relay.kill('SIGTERM');
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function streamOnce(client: OpenAI) {
  const start = performance.now();
  const stream = await client.chat.completions.create({
    model: 'smollm2-135m-instruct',
    messages: [{ role: 'user', content: 'Write a long story about a lighthouse keeper and the sea.' }],
    temperature: 0,
    max_tokens: DECODE_TOKENS * 2,
    stream: true,
    stream_options: { include_usage: true },
  });
  let first = Number.NaN;
  let last = start;
  let promptTokens = 0;
  let tokens = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) {
      last = performance.now();
      if (Number.isNaN(first)) first = last;
    }
    if (chunk.usage) {
      promptTokens = chunk.usage.prompt_tokens;
      tokens = chunk.usage.completion_tokens;
    }
  }
  return {
    promptTokens,
    tokens,
    firstTokenMs: first - start,
    tokensPerSecond: ((tokens - 1) * 1000) / (last - first),
    wholeTokensPerSecond: (tokens * 1000) / (last - start),
  };
}

async function ready(port: number, relay: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    if (relay.exitCode !== null) throw new Error(`The relay ended with ${relay.exitCode} before it was ready.`);
    if (performance.now() > deadline) throw new Error(`The relay was not ready within ${READY_WITHIN_MS} ms.`);
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
