import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '@opengateway/core';
import { createRelayClient } from './relay-client.ts';
import { parseRoute } from './route-header.ts';
import type { Fetch } from './relay-client.ts';

const document = {
  protocol: 1,
  relay: { peer: '12D3', multiaddrs: ['/ip4/127.0.0.1/tcp/1/ws/p2p/12D3'] },
  region: 'europe',
  catalog: [],
};
const clientOf = (fetch: Fetch) => createRelayClient({ fetch, now: () => 0 }, 'http://relay');
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => errorCode(error) ?? String(error),
  );

const endless = () =>
  new Response(new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }));

describe('relay client', () => {
  it('reads the bootstrap document', async () => {
    const client = clientOf(async () => Response.json(document));
    expect((await client.bootstrap()).document).toEqual(document);
  });

  it('refuses what is not one, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        const client = clientOf(async () => new Response(text));
        expect(await codeOf(client.bootstrap())).toBe('invalid_answer');
      }),
    );
  });

  it('stops reading a document without end', async () => {
    expect(await codeOf(clientOf(async () => endless()).bootstrap())).toBe('invalid_answer');
  });

  it('tells ready from not ready from unreachable', async () => {
    expect((await clientOf(async () => new Response('')).ready()).ready).toBe(true);
    expect((await clientOf(async () => new Response('', { status: 503 })).ready()).ready).toBe(false);
    expect(await codeOf(clientOf(() => Promise.reject(new TypeError('no'))).ready())).toBe('relay_unreachable');
  });
});

describe('parseRoute', () => {
  it('reads the stages', () => {
    expect(parseRoute('[{"peer":"A","engine":"wasm","layers":[0,30]}]')).toEqual([
      { peer: 'A', engine: 'wasm', layers: { start: 0, end: 30 } },
    ]);
  });

  it('gives no stages for anything else and never throws', () => {
    expect(parseRoute(null)).toEqual([]);
    expect(parseRoute('[{"peer":"A","engine":"magic","layers":[0,30]}]')).toEqual([]);
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(Array.isArray(parseRoute(text))).toBe(true);
      }),
    );
  });
});
