import { describe, expect, it } from 'vitest';
import { siteOf, websocketMultiaddr } from './relay-address.ts';

describe('addresses of relays', () => {
  it.each([
    ['http://localhost:8080', '/dns4/localhost/tcp/8080/ws'],
    ['https://relay.example', '/dns4/relay.example/tcp/443/wss'],
    ['http://relay.example', '/dns4/relay.example/tcp/80/ws'],
    ['http://127.0.0.1:9000', '/ip4/127.0.0.1/tcp/9000/ws'],
    ['http://[::1]:8080', '/ip6/::1/tcp/8080/ws'],
    ['https://[2001:db8::1]:8443', '/ip6/2001:db8::1/tcp/8443/wss'],
  ])('%s is dialled at %s, and back', (url, multiaddr) => {
    expect(websocketMultiaddr(new URL(url))).toBe(multiaddr);
    expect(siteOf(`${multiaddr}/p2p/12D3KooW`)).toBe(url);
  });

  it.each([
    '/ip4/127.0.0.1/tcp/9000',
    '/dns4/a/b.example/tcp/443/wss',
    'https://relay.example',
    '',
    '/dns4/ /tcp/1/ws',
  ])('knows no site at %j', (multiaddr) => expect(siteOf(multiaddr)).toBeUndefined());
});
