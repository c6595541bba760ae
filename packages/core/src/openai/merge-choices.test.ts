import { describe, expect, it } from 'vitest';
import { mergeChoices } from './merge-choices.ts';

/** A source whose values come when the test says so. */
class ManualSource<T> implements AsyncIterable<T> {
  pulls = 0;
  returned = false;
  #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void } | undefined;

  give(value: T): void {
    this.#waiting?.resolve({ done: false, value });
  }
  end(): void {
    this.#waiting?.resolve({ done: true, value: undefined });
  }
  fail(error: unknown): void {
    this.#waiting?.reject(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        this.pulls += 1;
        return new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject };
        });
      },
      return: () => {
        this.returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

describe('mergeChoices', () => {
  it('gives values as they come, with the index of their source', async () => {
    const [first, second] = [new ManualSource<string>(), new ManualSource<string>()];
    const merged = mergeChoices([first, second]);
    const one = merged.next();
    second.give('b');
    expect(await one).toEqual({ done: false, value: { index: 1, value: 'b' } });
    const two = merged.next();
    first.give('a');
    expect(await two).toEqual({ done: false, value: { index: 0, value: 'a' } });
    const last = merged.next();
    first.end();
    second.end();
    expect((await last).done).toBe(true);
  });

  it('pulls a source again only once its value has been taken', async () => {
    const source = new ManualSource<string>();
    const merged = mergeChoices([source]);
    const one = merged.next();
    source.give('a');
    await one;
    expect(source.pulls).toBe(1);
    const two = merged.next();
    source.end();
    await two;
    expect(source.pulls).toBe(2);
  });

  it('ends every source when one fails', async () => {
    const [first, second] = [new ManualSource<string>(), new ManualSource<string>()];
    const merged = mergeChoices([first, second]);
    const one = merged.next();
    first.fail(new Error('lost'));
    await expect(one).rejects.toThrow('lost');
    expect(second.returned).toBe(true);
  });

  it('ends every source when the consumer stops', async () => {
    const source = new ManualSource<string>();
    const merged = mergeChoices([source]);
    const one = merged.next();
    source.give('a');
    await one;
    await merged.return();
    expect(source.returned).toBe(true);
  });
});
