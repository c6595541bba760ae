import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { encodeMessage } from './codec.ts';
import { addLengthPrefix } from './length-prefix.ts';
import { createMessageChannel } from './message-channel.ts';
import type { MessageChannel } from './message-channel.ts';

const schema = z.strictObject({ n: z.int(), fill: z.optional(z.string()) });
const options = { maxBytes: 1_000 };

let near: Stream;
let far: Stream;
let sender: MessageChannel;
let receiver: MessageChannel;

beforeEach(async () => {
  [near, far] = await streamPair();
  sender = createMessageChannel(near, { readAheadBytes: 1_000 });
  receiver = createMessageChannel(far, { readAheadBytes: 1_000 });
});

describe('a message channel', () => {
  it('carries messages in order, both ways', async () => {
    for (let n = 0; n < 5; n++) await sender.send({ n });
    for (let n = 0; n < 5; n++) expect(await receiver.receive(schema, options)).toEqual({ n });
    await receiver.send({ n: 9 });
    expect(await sender.receive(schema, options)).toEqual({ n: 9 });
  });

  it('gives undefined after an orderly end, once everything was read', async () => {
    await sender.send({ n: 1 });
    await sender.close();
    expect(await receiver.receive(schema, options)).toEqual({ n: 1 });
    expect(await receiver.receive(schema, options)).toBeUndefined();
    expect(receiver.ended.aborted).toBe(true);
  });

  it('gives what came before a reset, then its error', async () => {
    await sender.send({ n: 1 });
    const first = receiver.receive(schema, options);
    expect(await first).toEqual({ n: 1 });
    sender.abort(new Error('gone'));
    await expect(receiver.receive(schema, options)).rejects.toMatchObject({ name: 'StreamResetError' });
    expect(receiver.ended.aborted).toBe(true);
  });

  it('fails typed where the stream ends inside a message', async () => {
    near.send(Uint8Array.of(20, 1, 2, 3));
    await near.close();
    await expect(receiver.receive(schema, options)).rejects.toMatchObject({ code: 'malformed_message' });
  });

  it('refuses a message over its cap when only its length has come', async () => {
    near.send(Uint8Array.of(0xff, 0x7f));
    await expect(receiver.receive(schema, options)).rejects.toMatchObject({ code: 'message_too_large' });
  });

  it('stops reading the stream while nobody receives, and goes on when somebody does', async () => {
    const message = { n: 1, fill: 'x'.repeat(600) };
    const paused = new Promise<void>((resolve) => {
      far.addEventListener('message', () => {
        if (far.readStatus === 'paused') resolve();
      });
    });
    for (let n = 0; n < 8; n++) near.send(addLengthPrefix(encodeMessage(message)));
    await paused;
    for (let n = 0; n < 8; n++) expect(await receiver.receive(schema, options)).toEqual(message);
    expect(far.readStatus).toBe('readable');
  });

  it('rejects a receive with the reason of its signal and stays usable', async () => {
    const abort = new AbortController();
    const pending = receiver.receive(schema, { ...options, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    await sender.send({ n: 3 });
    expect(await receiver.receive(schema, options)).toEqual({ n: 3 });
  });

  it('makes a sender wait until a full stream drains', async () => {
    const [small, other] = await streamPair({ capacity: 1, delay: 5 });
    const channel = createMessageChannel(small, { readAheadBytes: 1_000 });
    const reader = createMessageChannel(other, { readAheadBytes: 1_000 });
    const received: unknown[] = [];
    const reading = (async () => {
      for (let n = 0; n < 6; n++) received.push((await reader.receive(schema, options))?.n);
    })();
    for (let n = 0; n < 6; n++) {
      await channel.send({ n });
      expect(small.writableNeedsDrain).toBe(false);
    }
    await reading;
    expect(received).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
