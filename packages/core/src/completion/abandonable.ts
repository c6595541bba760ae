/**
 * Runs a generator under a signal of its own, which is aborted as soon as the consumer ends the iteration:
 * also while a value is awaited, when a plain generator would not hear of it before that value came.
 */
export function abandonable<Value>(
  generate: (signal: AbortSignal) => AsyncGenerator<Value, void, undefined>,
  signal: AbortSignal,
): AsyncIterable<Value> {
  return {
    [Symbol.asyncIterator]() {
      const abandoned = new AbortController();
      const generator = generate(AbortSignal.any([signal, abandoned.signal]));
      return {
        async next() {
          try {
            const result = await generator.next();
            if (result.done === true) abandoned.abort();
            return result;
          } catch (error) {
            const leftByConsumer = abandoned.signal.aborted;
            abandoned.abort();
            // Whoever ended the iteration does not want to hear that it was aborted.
            if (leftByConsumer) return { done: true, value: undefined };
            throw error;
          }
        },
        async return() {
          abandoned.abort();
          await generator.return();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
