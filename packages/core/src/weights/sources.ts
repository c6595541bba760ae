import { MAX_REMEMBERED_SOURCES, MAX_SOURCE_DOUBLINGS, SOURCE_RETRY_MS } from './constants.ts';
import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';

/** Which peers are not to be asked, or not yet. Bounded: the one remembered longest is forgotten first. */
export interface SourceMemory {
  mayAsk(peer: PeerName): boolean;
  /** It was silent or out of reach: it is asked again, each time later. */
  failed(peer: PeerName): void;
  /** It broke the protocol or sent a bad chunk: it is never asked again. */
  ban(peer: PeerName): void;
}

export function createSourceMemory({ clock }: { readonly clock: Clock }): SourceMemory {
  const memory = new Map<PeerName, { failures: number; notBeforeMs: number }>();
  const remember = (peer: PeerName, failures: number, notBeforeMs: number) => {
    memory.delete(peer);
    memory.set(peer, { failures, notBeforeMs });
    if (memory.size <= MAX_REMEMBERED_SOURCES) return;
    // Bans outlive the rest: who was banned must not come back by having others fail.
    const [oldest] = memory.keys();
    const forgotten = [...memory].find(([, { notBeforeMs: until }]) => until !== Infinity)?.[0] ?? oldest;
    if (forgotten !== undefined) memory.delete(forgotten);
  };
  return {
    mayAsk: (peer) => clock.now() >= (memory.get(peer)?.notBeforeMs ?? 0),
    failed(peer) {
      const { failures, notBeforeMs } = memory.get(peer) ?? { failures: 0, notBeforeMs: 0 };
      if (notBeforeMs === Infinity) return;
      const waitMs = SOURCE_RETRY_MS * 2 ** Math.min(failures, MAX_SOURCE_DOUBLINGS);
      remember(peer, failures + 1, clock.now() + waitMs);
    },
    ban: (peer) => remember(peer, 0, Infinity),
  };
}
