import { describe, expect, it } from 'vitest';
import { byRelay } from './relay-place.ts';

const NAME = '12D3KooWC1xzMythdA48cMCwtBxB1gMuwYofr7e7TvNibbBENgMq';
const OTHER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN';
const place = (...multiaddrs: string[]) => ({ region: 'europe', multiaddrs });

describe('byRelay', () => {
  it('tries what was said first of a relay first, and nothing under its name that is of another', () => {
    const known = `/ip4/10.0.0.1/tcp/80/ws/p2p/${NAME}`;
    const invented = `/ip4/10.6.6.6/tcp/80/ws/p2p/${NAME}`;
    const foreign = `/ip4/10.6.6.7/tcp/80/ws/p2p/${OTHER}`;
    expect([...byRelay([place(known), place(invented, foreign, known)])]).toEqual([[NAME, place(known, invented)]]);
  });

  it('keeps what has no name by its address', () => {
    const nameless = place('/ip4/10.0.0.1/tcp/80/ws', '/ip4/10.0.0.2/tcp/80/ws');
    expect([...byRelay([nameless])]).toEqual([[nameless.multiaddrs[0], nameless]]);
  });
});
