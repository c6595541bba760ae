/**
 * Interleaves several iterables as their values come, each marked with its index.
 *
 * At most one value per source is held: a slow consumer slows every source. When the consumer stops, or a
 * source fails, every other source is ended.
 */
export async function* mergeChoices<T>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<{ readonly index: number; readonly value: T }, void, undefined> {
  type Pulled = {
    readonly index: number;
    readonly iterator: AsyncIterator<T>;
    readonly result: IteratorResult<T>;
  };
  type Arrival = Pulled | { readonly failure: unknown };
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const arrivals: Arrival[] = [];
  let wake: (() => void) | undefined;

  const pull = async (index: number, iterator: AsyncIterator<T>): Promise<void> => {
    try {
      arrivals.push({ index, iterator, result: await iterator.next() });
    } catch (failure) {
      arrivals.push({ failure });
    }
    wake?.();
  };

  let running = iterators.length;
  try {
    for (const [index, iterator] of iterators.entries()) void pull(index, iterator);
    while (running > 0) {
      const arrival = arrivals.shift();
      if (arrival === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if ('failure' in arrival) {
        throw arrival.failure;
      } else if (arrival.result.done === true) {
        running -= 1;
      } else {
        yield { index: arrival.index, value: arrival.result.value };
        void pull(arrival.index, arrival.iterator);
      }
    }
  } finally {
    // Not awaited: a generator that is waiting answers `return` only after what it waits for.
    for (const iterator of iterators) void iterator.return?.().catch(() => undefined);
  }
}
