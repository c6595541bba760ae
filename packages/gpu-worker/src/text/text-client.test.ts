import { OpenGatewayError, decodeManifest, errorCode } from '@opengateway/core';
import { FakeClock, settle } from '@opengateway/core/testing';
import { expose } from 'comlink';
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_ENCODE_MS, MAX_QUEUED_ENCODES, MAX_TEXT_LOAD_MS } from './constants.ts';
import { createTextClientFor } from './text-client.ts';
import type { ModelManifest } from '@opengateway/core';
import type { LoadedText, TextWorkerApi } from './api.ts';
import type { TextClient } from './text-client.ts';

const MODEL = new URL('../../../../models/smollm2-135m-instruct/', import.meta.url);

let manifest: ModelManifest;
beforeAll(async () => {
  manifest = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
});

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A worker that does what a test tells it to, in this thread: its tokens are the text's length. */
class FakeTextWorker implements TextWorkerApi {
  /** Texts it was given. */
  readonly texts: string[] = [];
  terminated = false;
  fail: (error: unknown) => void = () => undefined;
  readonly #script: FakeScript;

  constructor(script: FakeScript) {
    this.#script = script;
  }

  async load(): Promise<LoadedText> {
    await this.#script.load?.();
    const pieces = { bytes: new TextEncoder().encode('ab'), offsets: Uint32Array.of(0, 1, 2) };
    return { pieces, longestTokenChars: 10 };
  }

  async encodeText(text: string): Promise<number[]> {
    this.texts.push(text);
    await this.#script.encode?.(text);
    return [text.length];
  }

  async encodeChat(messages: readonly { readonly content: string }[]): Promise<number[]> {
    return this.encodeText(messages.map(({ content }) => content).join('+'));
  }
}

interface FakeScript {
  readonly load?: () => Promise<void>;
  readonly encode?: (text: string) => Promise<void>;
}

async function setup(script: FakeScript = {}): Promise<{
  client: TextClient;
  clock: FakeClock;
  workers: FakeTextWorker[];
}> {
  const { starting, clock, workers } = begin(script);
  return { client: await starting, clock, workers };
}

function begin(script: FakeScript) {
  const workers: FakeTextWorker[] = [];
  const clock = new FakeClock();
  const starting = createTextClientFor(
    { manifest, weights: { kind: 'directory', path: 'nowhere' } },
    {
      clock,
      spawn: () => {
        const { port1, port2 } = new MessageChannel();
        ports.push(port1, port2);
        const worker = new FakeTextWorker(script);
        workers.push(worker);
        expose(worker, port2);
        return {
          endpoint: port1,
          onFailure: (listener) => void (worker.fail = listener),
          terminate: () => {
            worker.terminated = true;
            port1.close();
          },
        };
      },
    },
  );
  return { starting, clock, workers };
}

const never = () => new Promise<void>(() => undefined);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => errorCode(error),
  );
/** Lets messages reach the worker until `ready`. */
const until = async (ready: () => boolean) => {
  while (!ready()) await settle();
};

describe('createTextClientFor', () => {
  it('encodes in the worker and decodes here', async () => {
    const { client, workers } = await setup();
    expect(await client.encodeText('abc')).toEqual([3]);
    expect(await client.encodeChat([{ role: 'user', content: 'Hello' }])).toEqual([5]);
    expect(workers[0]?.texts).toEqual(['abc', 'Hello']);
    expect(Buffer.from(client.tokenBytes(1)).toString()).toBe('b');
    expect(client.tokenBytes(9)).toHaveLength(0);
    expect(client).toMatchObject({ vocabularySize: 49_152, contextLength: 8_192, endTokens: [0, 2] });
  });

  it('refuses a prompt that cannot fit without asking the worker', async () => {
    const { client, workers } = await setup();
    expect(await codeOf(client.encodeText('x'.repeat(81_921)))).toBe('context_length_exceeded');
    const content = 'x'.repeat(41_000);
    const messages = [{ role: 'user', content } as const, { role: 'user', content } as const];
    expect(await codeOf(client.encodeChat(messages))).toBe('context_length_exceeded');
    expect(workers[0]?.texts).toEqual([]);
  });

  it('keeps the code of what the worker throws', async () => {
    const { client } = await setup({
      encode: () => Promise.reject(new OpenGatewayError('invalid_messages', 'no system role')),
    });
    await expect(client.encodeText('x')).rejects.toMatchObject({ code: 'invalid_messages', message: 'no system role' });
  });

  it('refuses more prompts than may wait', async () => {
    const { client, workers } = await setup({ encode: never });
    const waiting = Array.from({ length: MAX_QUEUED_ENCODES + 1 }, (_, i) => codeOf(client.encodeText(`${i}`)));
    expect(await codeOf(client.encodeText('one too many'))).toBe('text_busy');
    await until(() => workers[0]?.texts.length === 1);
    await client.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['text_worker_lost']));
  });

  it('replaces a worker that hangs, fails its prompt and goes on with those that wait', async () => {
    const { client, clock, workers } = await setup({
      encode: (text) => (text === 'endless' ? never() : Promise.resolve()),
    });
    const endless = codeOf(client.encodeText('endless'));
    const next = client.encodeText('next');
    await until(() => workers[0]?.texts.length === 1);
    await clock.advance(MAX_ENCODE_MS - 1);
    expect(workers[0]?.terminated).toBe(false);
    await clock.advance(1);
    expect(await endless).toBe('text_timeout');
    expect(await next).toEqual([4]);
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
    expect(clock.sleeping).toBe(0);
  });

  it('fails the prompt under way when the worker dies, and starts another for the next', async () => {
    const { client, workers } = await setup({ encode: (text) => (text === 'fatal' ? never() : Promise.resolve()) });
    const fatal = codeOf(client.encodeText('fatal'));
    await until(() => workers[0]?.texts.length === 1);
    workers[0]?.fail(new Error('out of memory'));
    expect(await fatal).toBe('text_worker_lost');
    expect(await client.encodeText('next')).toEqual([4]);
    expect(workers).toHaveLength(2);
  });

  it('forgets a prompt that was given up, waiting or under way', async () => {
    const { client, workers } = await setup({ encode: (text) => (text === 'slow' ? settle() : Promise.resolve()) });
    const reason = new OpenGatewayError('client_gone', 'gone');
    const controller = new AbortController();
    const slow = codeOf(client.encodeText('slow', { signal: controller.signal }));
    const waiting = codeOf(client.encodeText('waiting', { signal: controller.signal }));
    await until(() => workers[0]?.texts.length === 1);
    controller.abort(reason);
    expect(await slow).toBe('client_gone');
    expect(await waiting).toBe('client_gone');
    expect(await client.encodeText('last')).toEqual([4]);
    expect(workers[0]?.texts).toEqual(['slow', 'last']);
    expect(await codeOf(client.encodeText('late', { signal: AbortSignal.abort(reason) }))).toBe('client_gone');
  });

  it('keeps no tokens of prompts it has encoded', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { client } = await setup();
    const kept: WeakRef<readonly number[]>[] = [];
    for (let i = 0; i < 20; i += 1) kept.push(new WeakRef(await client.encodeText(`${i}`)));
    // What the last call returned lives until the turn it returned in has ended.
    await settle();
    collect();
    expect(kept.filter((tokens) => tokens.deref() !== undefined).length).toBeLessThan(3);
  });

  it('passes on why a tokenizer could not be loaded, and ends its worker', async () => {
    const { starting, workers } = begin({
      load: () => Promise.reject(new OpenGatewayError('chunk_hash_mismatch', 'Chunk 1 of x.gguf', { retryable: true })),
    });
    expect(await codeOf(starting)).toBe('chunk_hash_mismatch');
    expect(workers[0]?.terminated).toBe(true);
  });

  it('gives up a load that takes too long', async () => {
    let loading = false;
    const { starting, clock, workers } = begin({
      load: () => {
        loading = true;
        return never();
      },
    });
    const outcome = codeOf(starting);
    await until(() => loading);
    await clock.advance(MAX_TEXT_LOAD_MS);
    expect(await outcome).toBe('text_timeout');
    expect(workers[0]?.terminated).toBe(true);
  });

  it('takes no prompts once closed', async () => {
    const { client, workers } = await setup();
    await client.close();
    await client.close();
    expect(workers[0]?.terminated).toBe(true);
    expect(await codeOf(client.encodeText('x'))).toBe('text_worker_lost');
  });
});
