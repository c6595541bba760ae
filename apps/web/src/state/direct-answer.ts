import { computed } from '@preact/signals';
import type { CatalogEntry } from '@opengateway/core';
import type { ReadonlySignal } from '@preact/signals';
import { modelCoverage } from './coverage.ts';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { NodeState } from './node-state.ts';

/**
 * An answer that this tab coordinates: it joins the network where it has not yet, hears who is there, and asks
 * the peers itself, without the relay's `/v1`.
 *
 * @throws (from the iterator) what joining, the coordinator and the text side throw, or the signal's reason.
 */
export async function* answerDirectly(
  node: Pick<NodeState, 'join' | 'peers' | 'settled'>,
  request: AnswerRequest,
  entry: CatalogEntry,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  yield { type: 'waiting', state: 'joining', done: 0, total: 0 };
  const joined = await unlessAborted(node.join(), signal);
  const gap = computed(() => (node.settled.value ? [] : modelCoverage(node.peers.value, entry).missing));
  while (gap.value.length > 0) {
    // That everything is missing says no more than that nobody was heard.
    const missing = gap.value.filter(({ start, end }) => end - start < entry.layerCount);
    yield { type: 'waiting', state: 'listening', done: 0, total: 0, missing };
    await changeOf(gap, signal);
  }
  yield* joined.answerDirect(request, entry, { signal });
}

/** Resolves at the signal's next change. */
function changeOf(watched: ReadonlySignal<unknown>, abort: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first = true;
  const end = watched.subscribe(() => {
    // The first call is the value that is known.
    if (!first) resolve();
    first = false;
  });
  return unlessAborted(promise, abort).finally(end);
}

async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
