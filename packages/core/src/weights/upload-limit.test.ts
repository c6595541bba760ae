import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { UPLOAD_BURST_MS } from './constants.ts';
import { createUploadLimit } from './upload-limit.ts';

const { signal } = new AbortController();

describe('the upload limit', () => {
  it('lets through what its rate allows, with one burst', async () => {
    const clock = new FakeClock();
    const limit = createUploadLimit({ clock }, 1_000);
    let sent = 0;
    const sending = (async () => {
      for (let piece = 0; piece < 200; piece++) {
        await limit.take(100, signal);
        sent += 100;
      }
    })();
    await settle();
    await clock.advance(9_000);
    expect(sent).toBeGreaterThanOrEqual(9_000);
    expect(sent).toBeLessThanOrEqual(9_000 + UPLOAD_BURST_MS + 100);
    await clock.advance(20_000);
    await sending;
  });

  it('gives even shares to who asks piece by piece', async () => {
    const clock = new FakeClock();
    const limit = createUploadLimit({ clock }, 1_000);
    const sent = [0, 0, 0];
    const stop = new AbortController();
    const senders = sent.map(async (_, at) => {
      for (;;) {
        await limit.take(100, stop.signal);
        sent[at]! += 100;
      }
    });
    await settle();
    await clock.advance(30_000);
    stop.abort();
    await Promise.allSettled(senders);
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(200);
  });

  it('is lifted by an infinite rate, and takes another from now on', async () => {
    const clock = new FakeClock();
    const limit = createUploadLimit({ clock }, Infinity);
    for (let piece = 0; piece < 100; piece++) await limit.take(1e9, signal);
    limit.set(1_000);
    expect(limit.bytesPerSecond()).toBe(1_000);
    await limit.take(5_000, signal);
    const late = limit.take(1, signal).then(() => clock.now());
    await clock.advance(10_000);
    expect(await late).toBeGreaterThanOrEqual(1_000_000 + 4_000);
  });

  it('gives up waiting with its signal', async () => {
    const limit = createUploadLimit({ clock: new FakeClock() }, 1);
    await limit.take(1_000, signal);
    const given = new AbortController();
    const waiting = limit.take(1, given.signal);
    given.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
