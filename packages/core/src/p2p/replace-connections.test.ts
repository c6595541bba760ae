import { describe, expect, it } from 'vitest';
import { FakeNode, randomPeer, RELAY_ADDRESS } from './connections.fixture.ts';
import type { OpenGatewayNode } from './node.ts';
import { replaceLostConnections } from './replace-connections.ts';

async function watched() {
  const node = new FakeNode();
  replaceLostConnections(node as unknown as OpenGatewayNode);
  return { node, peer: await randomPeer() };
}

describe('a peer that dials again', () => {
  it.each(['/ip4/192.0.2.1/tcp/5000/ws', '/webrtc'])('loses its older connection by %s', async (address) => {
    const { node, peer } = await watched();
    node.open({ peer, address, direction: 'inbound', openedMs: 1 });
    const newer = node.open({ peer, address, direction: 'inbound', openedMs: 2 });
    expect(node.connections).toEqual([newer]);
  });

  it('keeps a connection of another kind, what was dialled from here, and what runs through a relay', async () => {
    const { node, peer } = await watched();
    node.open({ peer, address: RELAY_ADDRESS, direction: 'inbound', openedMs: 1 });
    node.open({ peer, address: '/webrtc', direction: 'outbound', openedMs: 2 });
    node.open({ peer, address: `${RELAY_ADDRESS}/p2p-circuit`, direction: 'inbound', limited: true, openedMs: 3 });
    node.open({ peer, address: '/webrtc', direction: 'inbound', openedMs: 4 });
    expect(node.connections).toHaveLength(4);
  });
});
