import type { Clock } from '@opengateway/core';

/** A look that is not taken anew at every question. */
export interface CachedLook<Value> {
  /** What was seen, at most as long ago as the cache keeps it. */
  get(): Value;
  /** What is seen now. */
  refresh(): Value;
}

/** Keeps what `look` returned for `keepMs`. */
export function cacheLook<Value>(
  { look, clock }: { look(): Value; readonly clock: Pick<Clock, 'now'> },
  { keepMs }: { readonly keepMs: number },
): CachedLook<Value> {
  let last: { readonly value: Value; readonly atMs: number } | undefined;
  const refresh = () => {
    last = { value: look(), atMs: clock.now() };
    return last.value;
  };
  return {
    get() {
      const ageMs = last === undefined ? Infinity : clock.now() - last.atMs;
      // A host's clock may be set back.
      return last === undefined || ageMs < 0 || ageMs >= keepMs ? refresh() : last.value;
    },
    refresh,
  };
}
