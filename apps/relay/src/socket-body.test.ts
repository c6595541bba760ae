import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { inPieces, socketBody } from './socket-body.ts';
import type { Context } from 'hono';

/** A response whose last bytes nobody takes, until `take` is called. */
class FakeResponse extends EventEmitter {
  readonly destroyed = Promise.withResolvers<void>();
  closed = false;

  destroy(): void {
    this.destroyed.resolve();
  }

  take(): void {
    this.emit('close');
  }
}

const contextOf = (outgoing: FakeResponse): Context => ({ env: { outgoing } }) as unknown as Context;

describe('socketBody', () => {
  it('cuts a connection whose last bytes stay in its buffers', async () => {
    const outgoing = new FakeResponse();
    const body = socketBody(contextOf(outgoing), inPieces(Uint8Array.of(1, 2)), { stalledMs: 1 });
    expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(Uint8Array.of(1, 2));
    await outgoing.destroyed.promise;
  });

  it('forgets a response that was taken', async () => {
    const outgoing = new FakeResponse();
    const body = socketBody(contextOf(outgoing), inPieces(Uint8Array.of(1)), { stalledMs: 60_000 });
    await new Response(body).arrayBuffer();
    expect(outgoing.listenerCount('close')).toBe(1);
    outgoing.take();
    expect(outgoing.listenerCount('close')).toBe(0);
  });
});
