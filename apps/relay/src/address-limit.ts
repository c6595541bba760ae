import { isIPv6 } from 'node:net';

/** How many of something each remote address may hold at once. An IPv6 client has its whole /64. */
export class AddressLimit {
  readonly #maximum: number;
  /** Only addresses that hold something, so no more than there are connections. */
  readonly #held = new Map<string, number>();

  /** @param maximum - `Infinity` for no limit. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** Takes one; returns what gives it back, once. `undefined`: the address holds as many as it may. */
  enter(remoteAddress: string | undefined): (() => void) | undefined {
    const address = addressGroup(remoteAddress ?? '');
    const held = this.#held.get(address) ?? 0;
    if (held >= this.#maximum) return undefined;
    this.#held.set(address, held + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const rest = (this.#held.get(address) ?? 0) - 1;
      if (rest > 0) this.#held.set(address, rest);
      else this.#held.delete(address);
    };
  }
}

/** The part of an address that one client cannot choose freely: an IPv6 /64, an IPv4 address whole. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  // `::` stands for the groups that are missing of eight.
  const missing = right === undefined ? 0 : 8 - groups.length - (right === '' ? 0 : right.split(':').length);
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(right?.split(':') ?? [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}
