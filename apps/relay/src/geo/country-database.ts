import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { OpenGatewayError } from '@opengateway/core';
import { Reader } from 'mmdb-lib';
import { isPublicAddress } from './ip-address.ts';
import type { IpAddress } from './ip-address.ts';

/** The country database is not where `npm ci` puts it, or cannot be read. */
export class CountryDatabaseError extends OpenGatewayError {
  static override readonly name = 'CountryDatabaseError';
  constructor(cause: unknown) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    super('country_database', `The country database cannot be read; npm ci installs it: ${problem}`, { cause });
  }
}

/** ISO 3166-1 alpha-2 code of the country an address is registered in; undefined where that is not known. */
export type CountryOf = (address: IpAddress) => string | undefined;

/**
 * Opens the country database of this machine, 8 MB in memory: no service is asked, no address leaves the process.
 *
 * @throws CountryDatabaseError
 */
export async function openCountryDatabase(): Promise<CountryOf> {
  const reader = await open().catch((cause: unknown) => {
    throw new CountryDatabaseError(cause);
  });
  return (address) => (isPublicAddress(address) ? reader.get(address.text)?.country_code : undefined);
}

async function open(): Promise<CountryReader> {
  const require = createRequire(import.meta.url);
  const bytes = await readFile(
    require.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
  );
  // The library types the records of MaxMind's own databases; those of this one have a single field.
  return new Reader(bytes) as unknown as CountryReader;
}

interface CountryReader {
  get(address: string): { readonly country_code?: string } | null;
}
