import { afterEach, expect, it, vi } from 'vitest';
import { ACTIVATIONS_PROTOCOL } from '../../inference/stage-links.ts';
import { fakeRequest, startNetwork, startPart, stopNetworks } from '../networks.fixture.ts';
import { MAX_INBOUND_STREAMS } from './constants.ts';

afterEach(stopNetworks);

it('leaves no stream between neighbours after more answers than a connection may have streams', async () => {
  const relay = await startNetwork({ role: 'relay', region: 'europe' });
  const parts = await Promise.all([startPart(relay, 0, 3), startPart(relay, 3, 6)]);
  await vi.waitUntil(() => relay.registry.peers().length === parts.length, { timeout: 10_000 });
  const streams = () =>
    parts
      .flatMap(({ network }) => network.node.getConnections())
      .flatMap((connection) => connection.streams)
      .filter(({ protocol }) => protocol === ACTIVATIONS_PROTOCOL);
  const { signal } = new AbortController();
  for (let answer = 0; answer < MAX_INBOUND_STREAMS + 2; answer++) {
    for await (const event of relay.coordinator.run(fakeRequest(4, 2), { signal })) {
      if (event.type === 'end') expect(event.failovers).toBe(0);
    }
  }
  await vi.waitUntil(() => streams().length === 0, { timeout: 10_000 });
});
