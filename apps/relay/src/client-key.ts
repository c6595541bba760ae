import { createHmac, randomBytes } from 'node:crypto';
import { addressGroup } from './address-limit.ts';
import type { IpAddress } from './geo/ip-address.ts';

/** Tells clients apart while they wait; undefined where the address is not known. */
export type ClientKeyOf = (address: IpAddress | undefined) => string | undefined;

/**
 * Names clients by their addresses without keeping one: a hash under a secret that lives as long as this process.
 * The relay's API key is one for all, and tells nobody from another.
 */
export function createClientKeys(): ClientKeyOf {
  const secret = randomBytes(32);
  return (address) =>
    address && createHmac('sha256', secret).update(addressGroup(address.text)).digest('base64url').slice(0, 22);
}
