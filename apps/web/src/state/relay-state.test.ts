import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '@opengateway/core/testing';
import { RelayUnreachableError } from '../api/errors.ts';
import { READINESS_INTERVAL_MS, RETRY_DELAYS_MS } from '../constants.ts';
import { createRelayState } from './relay-state.ts';
import type { BootstrapDocument } from '@opengateway/core';

const documentOf = (peer: string): BootstrapDocument => ({
  protocol: 1,
  relay: { peer, multiaddrs: [] },
  region: 'europe',
  catalog: [],
});

function setup() {
  const clock = new FakeClock();
  const host = { up: true, ready: true, visible: true, peer: 'A', looks: 0 };
  const relay = createRelayState({
    clock,
    visible: () => host.visible,
    client: {
      async bootstrap() {
        if (!host.up) throw new RelayUnreachableError();
        return { document: documentOf(host.peer), roundTripMs: 1 };
      },
      async ready() {
        host.looks += 1;
        if (!host.up) throw new RelayUnreachableError();
        return { ready: host.ready, roundTripMs: 3 };
      },
    },
  });
  const end = new AbortController();
  void relay.run(end.signal);
  return { clock, host, relay, end };
}

describe('relay state', () => {
  it('reads the document and whether somebody serves', async () => {
    const { relay, host, clock } = setup();
    expect(relay.phase.value).toBe('connecting');
    await settle();
    expect([relay.phase.value, relay.ready.value, relay.bootstrap.value?.region]).toEqual([
      'reachable',
      true,
      'europe',
    ]);
    host.ready = false;
    await clock.advance(READINESS_INTERVAL_MS);
    expect(relay.ready.value).toBe(false);
  });

  it('waits longer after each failure and says when it tries again', async () => {
    const { relay, host, clock } = setup();
    await settle();
    host.up = false;
    await clock.advance(READINESS_INTERVAL_MS);
    expect(relay.phase.value).toBe('unreachable');
    expect(relay.problem.value).toBe('The relay cannot be reached.');
    for (const delay of [...RETRY_DELAYS_MS, RETRY_DELAYS_MS.at(-1) as number]) {
      expect((relay.retryAtMs.value as number) - clock.now()).toBe(delay);
      await clock.advance(delay);
    }
  });

  it('reads the document again after a gap: another relay may have come back', async () => {
    const { relay, host, clock } = setup();
    await settle();
    host.up = false;
    await clock.advance(READINESS_INTERVAL_MS);
    host.up = true;
    host.peer = 'B';
    relay.check();
    await settle();
    expect([relay.phase.value, relay.retryAtMs.value, relay.bootstrap.value?.relay.peer]).toEqual([
      'reachable',
      null,
      'B',
    ]);
  });

  it('reads the document again when asked to, and keeps the last where that fails', async () => {
    const { relay, host } = setup();
    await settle();
    host.peer = 'B';
    await relay.refresh();
    const read = relay.bootstrap.value;
    expect(read?.relay.peer).toBe('B');
    await relay.refresh();
    host.up = false;
    await relay.refresh();
    // The very same object: nobody is told of a change that is none.
    expect(relay.bootstrap.value).toBe(read);
  });

  it('rests while nobody looks at the page', async () => {
    const { host, clock } = setup();
    await settle();
    const { looks } = host;
    host.visible = false;
    await clock.advance(10 * READINESS_INTERVAL_MS);
    expect(host.looks).toBe(looks);
  });

  it('resolves for those who wait until it is reachable, and lets them give up', async () => {
    const { relay } = setup();
    const leave = new AbortController();
    const left = relay.whenReachable(leave.signal);
    leave.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect((await relay.whenReachable()).relay.peer).toBe('A');
    expect((await relay.whenReachable()).relay.peer).toBe('A');
  });

  it('ends with its signal', async () => {
    const { clock, end } = setup();
    await settle();
    end.abort();
    await settle();
    expect(clock.sleeping).toBe(0);
  });
});
