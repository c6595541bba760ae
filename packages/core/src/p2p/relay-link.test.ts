import type { Connection } from '@libp2p/interface';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { createRelayLink, reconnectDelayMs } from './relay-link.ts';

const ADDRESS = '/ip4/127.0.0.1/tcp/4001/ws';

/** As much of a connection as the link looks at. */
class FakeConnection extends EventTarget {
  status = 'open';

  end(): void {
    this.status = 'closed';
    this.dispatchEvent(new Event('close'));
  }
}

let clock: FakeClock;
let dials: number;
let next: () => Promise<Connection>;
let changes: boolean[];

beforeEach(() => {
  clock = new FakeClock();
  dials = 0;
  changes = [];
});

function dial(): Promise<Connection> {
  dials += 1;
  return next();
}

function link(multiaddrs: readonly string[] | (() => Promise<readonly string[]>) = [ADDRESS]) {
  const made = createRelayLink({ node: { dial }, clock, random: () => 1 }, { multiaddrs });
  made.subscribe((connected) => changes.push(connected));
  return made;
}

describe('the relay link', () => {
  it('comes back after a lost connection', async () => {
    const connections: FakeConnection[] = [];
    next = async () => {
      const connection = new FakeConnection();
      connections.push(connection);
      return connection as unknown as Connection;
    };
    const made = link();
    made.start();
    await settle();
    expect(made.connected()).toBe(true);
    await clock.advance(20_000);
    connections[0]?.end();
    await settle();
    expect(made.connected()).toBe(false);
    await clock.advance(500);
    expect(changes).toEqual([true, false, true]);
    made.stop();
  });

  it('tries again less and less often while nobody answers', async () => {
    next = () => Promise.reject(new Error('refused'));
    const made = link();
    made.start();
    await settle();
    for (const [delayMs, expected] of [
      [499, 1],
      [1, 2],
      [1_000, 3],
      [2_000, 4],
      [3_999, 4],
      [1, 5],
    ] as const) {
      await clock.advance(delayMs);
      expect(dials).toBe(expected);
    }
    made.stop();
    await clock.advance(60_000);
    expect(dials).toBe(5);
  });

  it('backs off from a relay that closes every connection at once', async () => {
    next = async () => {
      const connection = new FakeConnection();
      queueMicrotask(() => connection.end());
      return connection as unknown as Connection;
    };
    const made = link();
    made.start();
    await settle();
    await clock.advance(60_000);
    expect(dials).toBeLessThan(10);
    made.stop();
  });

  it('asks for addresses before every dial and survives their absence', async () => {
    next = () => Promise.reject(new Error('refused'));
    let asked = 0;
    const made = link(async () => {
      asked += 1;
      if (asked === 1) throw new TypeError('fetch failed');
      return [ADDRESS];
    });
    made.start();
    await settle();
    await clock.advance(1_600);
    expect([asked, dials]).toEqual([3, 2]);
    made.stop();
  });

  it('does not wait forever for addresses', async () => {
    let asked = 0;
    const made = link(() => {
      asked += 1;
      return new Promise(() => {});
    });
    made.start();
    await settle();
    await clock.advance(20_500);
    expect(asked).toBe(2);
    made.stop();
  });

  it('refuses a fixed address that is none', () => {
    expect(() => link(['http://example.org'])).toThrow();
  });

  it('waits between half and all of a bounded exponential delay', () => {
    expect(reconnectDelayMs(0, 0)).toBe(250);
    expect(reconnectDelayMs(0, 1)).toBe(500);
    expect(reconnectDelayMs(3, 1)).toBe(4_000);
    expect(reconnectDelayMs(1_000, 1)).toBe(30_000);
  });
});
