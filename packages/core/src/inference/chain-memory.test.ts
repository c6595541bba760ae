import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { ChainNetwork } from './chain.fixture.ts';

/** `CHAIN_SESSIONS=10000` for a longer look. */
const SESSIONS = Number(process.env['CHAIN_SESSIONS'] ?? 3_000);
const AT_ONCE = 8;
/** A hundred for each: less than the smallest object that could be forgotten of a session. */
const MOST_BYTES_LEFT = 100 * SESSIONS * 0.8;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Opens a session over both stages and leaves it at a place that depends on `index`; some it reads to their end. */
async function openAndLeave(network: ChainNetwork, index: number): Promise<void> {
  const abort = new AbortController();
  const stopAfter = index % 24 === 23 ? Infinity : index % 6;
  let events = 0;
  if (stopAfter === 5) queueMicrotask(() => abort.abort(new Error('left')));
  try {
    for await (const _ of network.run({}, abort.signal)) if (events++ === stopAfter) abort.abort(new Error('left'));
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
}

it(
  `leaves nothing behind after ${SESSIONS} sessions that were opened and left or answered`,
  { timeout: 120_000 },
  async () => {
    const network = new ChainNetwork();
    network.add('first', { start: 0, end: 3 });
    network.add('second', { start: 3, end: 6 });
    const some = async (from: number, to: number) => {
      for (let index = from; index < to; index += AT_ONCE) {
        // Adverts would run out in the time this takes.
        if (index % 400 === 0) for (const peer of network.peers.values()) peer.announce();
        await Promise.all(Array.from({ length: AT_ONCE }, (_, offset) => openAndLeave(network, index + offset)));
      }
      await vi.waitUntil(() => network.isQuiet(), { timeout: 10_000 });
      for (const { runner } of network.peers.values()) {
        runner.requests.length = 0;
        runner.given.length = 0;
      }
    };
    await some(0, SESSIONS / 5);
    const before = heapBytes();
    await some(SESSIONS / 5, SESSIONS);
    // What the last sessions left to callbacks and streams that close goes within moments.
    const left = () => heapBytes() - before;
    await vi.waitUntil(() => left() < MOST_BYTES_LEFT, { timeout: 20_000, interval: 200 }).catch(() => {});
    expect(left()).toBeLessThan(MOST_BYTES_LEFT);
  },
);
