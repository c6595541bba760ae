import { bootstrapSchema } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { createTestApp } from '../app.fixture.ts';

const iceServersOf = async (iceServers: readonly string[]) =>
  bootstrapSchema.parse(await (await createTestApp({ iceServers }).app.request('/bootstrap')).json()).iceServers;

describe('GET /bootstrap', () => {
  it('names no STUN or TURN server unless the operator did', async () => {
    expect(await iceServersOf([])).toEqual([]);
    expect(await iceServersOf(['stun:stun.example:3478'])).toEqual(['stun:stun.example:3478']);
  });

  it('is not believed with servers that are none', () => {
    const document = { protocol: 1, relay: { peer: 'R', multiaddrs: [] }, region: 'europe', catalog: [] };
    const accepts = (iceServers: unknown) => bootstrapSchema.safeParse({ ...document, iceServers }).success;
    expect([undefined, [], ['stun:a.example']].map(accepts)).toEqual([true, true, true]);
    expect([['http://a.example'], [7], Array(5).fill('stun:a.example'), null].map(accepts)).toEqual(
      Array(4).fill(false),
    );
  });
});
