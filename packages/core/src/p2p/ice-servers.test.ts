import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIceServer } from './ice-servers.ts';

describe('parseIceServer', () => {
  it.each([
    ['stun:stun.example:3478', { urls: ['stun:stun.example:3478'] }],
    ['stun:192.0.2.1', { urls: ['stun:192.0.2.1'] }],
    ['stuns:[2001:db8::1]:5349', { urls: ['stuns:[2001:db8::1]:5349'] }],
    ['turn:me:secret@turn.example', { urls: ['turn:turn.example'], username: 'me', credential: 'secret' }],
    [
      'turns:me:secret@turn.example:5349?transport=tcp',
      { urls: ['turns:turn.example:5349?transport=tcp'], username: 'me', credential: 'secret' },
    ],
  ])('reads %s', (text, server) => {
    expect(parseIceServer(text)).toEqual(server);
  });

  it.each([
    '',
    'stun:',
    'stun.example:3478',
    'http://stun.example',
    'stun:stun.example:port',
    'stun:me:secret@stun.example',
    'stun:stun.example?transport=udp',
    'turn:turn.example',
    'turn:me@turn.example',
    'turn:me:secret@turn.example?transport=carrier-pigeon',
    'stun:a b',
  ])('refuses %j', (text) => {
    expect(parseIceServer(text)).toBeUndefined();
  });

  it('throws at nothing, and names only addresses that WebRTC takes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.stringMatching(/^(stun|turns?):[\w.:@?=-]*$/)), (text) => {
        const server = parseIceServer(text);
        return server === undefined || /^(stuns?|turns?):[^@]+$/.test(server.urls[0] ?? '');
      }),
    );
  });
});
