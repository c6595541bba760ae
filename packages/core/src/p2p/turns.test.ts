import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

const refused = () => new Error('refused');
const live = () => new AbortController().signal;

/** Work that lasts until `end` is called. */
function piece() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = false;
  return {
    begun: () => begun,
    end: () => resolve(),
    work: () => {
      begun = true;
      return promise;
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('run a bounded number at once and the rest in the order in which they came', async () => {
    const turns = createTurns({ atOnce: 2, waiting: 10 });
    const pieces = Array.from({ length: 4 }, piece);
    const all = pieces.map(({ work }) => turns.take(work, { signal: live(), refused }));
    await settled();
    expect(pieces.map(({ begun }) => begun())).toEqual([true, true, false, false]);
    pieces[1]?.end();
    await settled();
    expect(pieces.map(({ begun }) => begun())).toEqual([true, true, true, false]);
    for (const { end } of pieces) end();
    await Promise.all(all);
  });

  it('refuse who would wait beyond the bound', async () => {
    const turns = createTurns({ atOnce: 1, waiting: 1 });
    const [first, second, third] = [piece(), piece(), piece()];
    const all = [first, second].map(({ work }) => turns.take(work, { signal: live(), refused }));
    await expect(turns.take(third.work, { signal: live(), refused })).rejects.toThrow('refused');
    first.end();
    second.end();
    await Promise.all(all);
    expect(third.begun()).toBe(false);
  });

  it('pass a turn on that nobody waits for any more', async () => {
    const turns = createTurns({ atOnce: 1, waiting: 5 });
    const [first, second, third] = [piece(), piece(), piece()];
    const left = new AbortController();
    const running = turns.take(first.work, { signal: live(), refused });
    const leaving = turns.take(second.work, { signal: left.signal, refused });
    const waiting = turns.take(third.work, { signal: live(), refused });
    first.end();
    left.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    await running;
    third.end();
    await waiting;
    expect([second.begun(), third.begun()]).toEqual([false, true]);
  });

  it('are free again after work that failed', async () => {
    const turns = createTurns({ atOnce: 1, waiting: 0 });
    const failing = turns.take(() => Promise.reject(new Error('broken')), { signal: live(), refused });
    await expect(failing).rejects.toThrow('broken');
    expect(await turns.take(() => Promise.resolve(7), { signal: live(), refused })).toBe(7);
  });
});
