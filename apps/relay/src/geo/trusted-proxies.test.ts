import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress, parseTrustedProxies } from './trusted-proxies.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

const trusting = (setting: string): TrustedProxies => {
  const proxies = parseTrustedProxies(setting);
  if (proxies === undefined) throw new Error(`${setting} is no setting.`);
  return proxies;
};
const addressOf = (socket: string | undefined, header: string | undefined, setting?: string) =>
  clientAddress(socket, header, setting === undefined ? null : trusting(setting))?.text;

const CLIENT = '130.69.1.1';
const PROXY = '10.0.0.2';

describe('clientAddress', () => {
  it('is the socket where no proxy is trusted, whatever a header says', () => {
    expect(addressOf(CLIENT, '18.9.22.169')).toBe(CLIENT);
    expect(addressOf(`::ffff:${CLIENT}`, undefined)).toBe(CLIENT);
    expect(addressOf(undefined, '18.9.22.169')).toBeUndefined();
  });

  it('is the socket where that is no proxy of ours', () => {
    expect(addressOf(CLIENT, '18.9.22.169', '10.0.0.0/8')).toBe(CLIENT);
  });

  it('is whom the trusted proxy names, not what that client claims to the left of it', () => {
    expect(addressOf(PROXY, `18.9.22.169, ${CLIENT}`, '10.0.0.0/8')).toBe(CLIENT);
    expect(addressOf(PROXY, `18.9.22.169, ${CLIENT}`, '1')).toBe(CLIENT);
    expect(addressOf(`::ffff:${PROXY}`, CLIENT, '10.0.0.0/8')).toBe(CLIENT);
  });

  it('goes through several proxies, by number or by network', () => {
    const header = `18.9.22.169, ${CLIENT} ,10.9.9.9`;
    expect(addressOf(PROXY, header, '2')).toBe(CLIENT);
    expect(addressOf(PROXY, header, '10.0.0.0/8')).toBe(CLIENT);
    expect(addressOf(PROXY, header, '1')).toBe('10.9.9.9');
  });

  it.each([
    [`${CLIENT}:51234`, CLIENT],
    ['2001:620::1', '2001:620::1'],
    ['[2001:620::1]', '2001:620::1'],
    ['[2001:620::1]:443', '2001:620::1'],
    ['::ffff:130.69.1.1', CLIENT],
  ])('reads %s', (entry, expected) => {
    expect(addressOf(PROXY, entry, '1')).toBe(expected);
  });

  it.each(['unknown', '_hidden', '', ' ', ',', `${CLIENT},`, '999.1.1.1', '[::1', 'a'.repeat(5_000), `${CLIENT}:port`])(
    'is unknown where the trusted proxy says %j',
    (header) => {
      expect(addressOf(PROXY, header, '1')).toBeUndefined();
    },
  );

  it('is the proxy itself where it names nobody, as health checks do not', () => {
    expect(addressOf(PROXY, undefined, '1')).toBe(PROXY);
    expect(addressOf(PROXY, '10.0.0.3', '10.0.0.0/8')).toBe('10.0.0.3');
  });

  it('is unknown beyond more proxies than anybody has', () => {
    const chain = Array.from({ length: 40 }, () => PROXY).join(',');
    expect(addressOf(PROXY, `${CLIENT},${chain}`, '10.0.0.0/8')).toBeUndefined();
  });

  it('holds under any header', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('1', '3', '0.0.0.0/0,::/0'), (header, setting) => {
        expect(() => addressOf(PROXY, header, setting)).not.toThrow();
      }),
    );
  });
});
