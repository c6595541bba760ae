import { BlockList, isIP } from 'node:net';

/** An address in one form: IPv4 as dots even where it came as IPv6, no zone. */
export interface IpAddress {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads an address as sockets and headers have it; undefined where it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const [bare = ''] = text.split('%');
  const version = isIP(bare);
  if (version === 4) return { text: bare, family: 'ipv4' };
  if (version === 0) return undefined;
  const mapped = mappedIpv4(bare);
  return mapped === undefined ? { text: bare, family: 'ipv6' } : { text: mapped, family: 'ipv4' };
}

/** The IPv4 address within `::ffff:0:0/96`, however it is written. */
function mappedIpv4(address: string): string | undefined {
  // A URL writes every IPv6 address in its one shortest form, without dots.
  const [, high, low] =
    /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]`).hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 0xff, second >> 8, second & 0xff].join('.');
}

/**
 * Whether an address can be somewhere: not of a private network, this machine, a test or an example, some of which
 * databases give a country.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry
 */
export const isPublicAddress = ({ text, family }: IpAddress): boolean =>
  !SPECIAL.check(text, family) && (family === 'ipv4' || GLOBAL_UNICAST.check(text, 'ipv6'));

const GLOBAL_UNICAST = new BlockList();
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6');

const SPECIAL = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  SPECIAL.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  SPECIAL.addSubnet(network, bits, 'ipv6');
}
