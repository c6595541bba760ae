import { InvalidRequestError, isRegion, REGIONS } from '@opengateway/core';
import { regionOfCountry } from './country-region.ts';
import type { RegionSource } from '@opengateway/core';
import type { CountryOf } from './country-database.ts';
import type { IpAddress } from './ip-address.ts';

/** Where a client is, and how that is known. */
export interface ClientRegion {
  /** One of the seven, or the relay's own name for its place. */
  readonly region: string;
  readonly regionSource: RegionSource;
}

export interface LocateClientComponents {
  readonly countryOf: CountryOf;
  /** The relay's own: that of clients whose address tells nothing. */
  readonly region: string;
}

/** Where a client is: as it says itself, else by its address, which goes no further than this call. */
export function locateClient(
  { countryOf, region }: LocateClientComponents,
  address: IpAddress | undefined,
  override: string | undefined,
): ClientRegion {
  if (override !== undefined) return { region: override, regionSource: 'override' };
  const country = address === undefined ? undefined : countryOf(address);
  const found = country === undefined ? undefined : regionOfCountry(country);
  return found === undefined ? { region, regionSource: 'relay' } : { region: found, regionSource: 'address' };
}

/**
 * A region that a client names; empty counts as none.
 *
 * @throws InvalidRequestError `invalid_value` for what is neither one of the seven nor the relay's own.
 */
export function readRegion(value: string | undefined, param: string, ownRegion: string): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (isRegion(value) || value === ownRegion) return value;
  throw new InvalidRequestError('invalid_value', `'${param}' must be one of ${REGIONS.join(', ')}.`, param);
}

/** Header by which a client names its region. */
export const REGION_HEADER = 'x-opengateway-region';
