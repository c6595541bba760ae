import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorEvent } from '../inference/coordinator-types.ts';
import { fakeAnswer } from '../testing/fake-generator.ts';
import { fakeRequest, placeOf, startNetwork, startPart, stopNetworks } from './networks.fixture.ts';

const request = fakeRequest(200, 40);

afterEach(stopNetworks);

/** A relay with a peer for each range, every peer known to it. */
async function startChain(...ranges: readonly [number, number][]) {
  const relay = await startNetwork({ role: 'relay', region: 'europe' });
  const parts = await Promise.all(ranges.map(([start, end]) => startPart(relay, start, end)));
  await vi.waitUntil(() => relay.registry.peers().length === parts.length, { timeout: 10_000 });
  return { relay, parts };
}

async function collect(events: AsyncIterable<CoordinatorEvent>, onEvent?: (event: CoordinatorEvent) => void) {
  const all: CoordinatorEvent[] = [];
  for await (const event of events) {
    all.push(event);
    onEvent?.(event);
  }
  return all;
}

const tokensOf = (events: readonly CoordinatorEvent[]) =>
  events.flatMap((event) => (event.type === 'token' ? [event.token] : []));
const live = () => ({ signal: new AbortController().signal });

describe('a chain of peers', () => {
  it('answers over direct connections, the relay carrying none of it', async () => {
    const { relay, parts } = await startChain([0, 2], [2, 4], [4, 6]);
    const first = await collect(relay.coordinator.run(request, live()));
    expect(tokensOf(first)).toEqual(fakeAnswer(request));
    const route = first.find((event) => event.type === 'route');
    expect(route?.stages.map(({ peer, hop }) => [peer, hop?.direct])).toEqual(
      parts.map(({ network }) => [network.peer, true]),
    );
    const relayed = relay.relayedBytes();
    const second = await collect(relay.coordinator.run(request, live()));
    expect(tokensOf(second)).toEqual(fakeAnswer(request));
    expect(relay.relayedBytes()).toBe(relayed);
  });

  it('answers a peer that coordinates by itself, be it a stage or not', async () => {
    const { relay, parts } = await startChain([0, 3], [3, 6]);
    const guest = await startNetwork({ role: 'peer', region: 'europe', relays: [placeOf(relay)] });
    for (const network of [guest, ...parts.map((part) => part.network)]) {
      const others = network === guest ? 2 : 1;
      await vi.waitUntil(() => network.registry.peers().length === others, { timeout: 15_000 });
      expect(tokensOf(await collect(network.coordinator.run(request, live())))).toEqual(fakeAnswer(request));
    }
  });

  it('goes on without a stage that is gone', async () => {
    const { relay, parts } = await startChain([0, 3], [3, 6], [0, 3], [3, 6]);
    let lost = false;
    const events = await collect(relay.coordinator.run(request, live()), (event) => {
      if (event.type !== 'token' || lost) return;
      lost = true;
      const victim = parts.find(({ runner }) => runner.running > 0 && runner.layers.end === 6);
      // As if its process was killed: no word of leaving, every connection cut.
      for (const connection of victim?.network.node.getConnections() ?? []) connection.abort(new Error('killed'));
    });
    expect(tokensOf(events)).toEqual(fakeAnswer(request));
    expect(events.filter(({ type }) => type === 'route').length).toBeGreaterThan(1);
  });
});
