import { BlockList, isIP } from 'node:net';
import { MAX_FORWARDED_ADDRESSES } from '../constants.ts';
import { parseIpAddress } from './ip-address.ts';
import type { IpAddress } from './ip-address.ts';

/** Whose word on the client's address counts. `hop` is 0 for who holds the socket, 1 for who is before it, … */
export type TrustedProxies = (address: IpAddress, hop: number) => boolean;

/**
 * `TRUSTED_PROXIES`: how many proxies stand in front, or their addresses and networks, with commas between them.
 * Undefined where it is neither.
 */
export function parseTrustedProxies(text: string): TrustedProxies | undefined {
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    return count >= 1 && count <= MAX_FORWARDED_ADDRESSES ? (_address, hop) => hop < count : undefined;
  }
  const trusted = new BlockList();
  for (const network of text.split(',')) {
    const [address = '', bits, ...rest] = network.trim().split('/');
    const version = isIP(address);
    const width = version === 4 ? 32 : 128;
    if (version === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
    if (Number(bits ?? width) > width) return undefined;
    trusted.addSubnet(address, Number(bits ?? width), version === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => trusted.check(address.text, address.family);
}

/**
 * The client's address: who holds the socket, or, where that is a trusted proxy, whom it names in
 * `X-Forwarded-For`, and so on towards the left. Undefined where a trusted proxy names no address: what stands
 * further left is then nobody's word.
 */
export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: string | undefined,
  trusts: TrustedProxies | null,
): IpAddress | undefined {
  let address = parseIpAddress(socketAddress ?? '');
  const entries = forwardedFor?.split(',') ?? [];
  for (let hop = 0; address !== undefined && trusts?.(address, hop) === true; hop += 1) {
    const entry = entries.pop();
    // The chain ends at a proxy of ours: it asks for itself, as health checks do.
    if (entry === undefined) return address;
    if (hop >= MAX_FORWARDED_ADDRESSES) return undefined;
    address = parseIpAddress(withoutPort(entry.trim()));
  }
  return address;
}

/** Some proxies name the port, too: `192.0.2.1:443`, `[2001:db8::1]:443`. */
function withoutPort(entry: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry) ?? [];
  return bracketed ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
}
