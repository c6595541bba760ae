import { countries } from 'countries-list';
import type { Region } from '@opengateway/core';
import type { TContinentCode, TCountryCode } from 'countries-list';

const CONTINENTS: Readonly<Record<TContinentCode, Region>> = {
  AF: 'africa',
  // Nobody but research stations, whose lines go by way of the south of America.
  AN: 'south-america',
  AS: 'asia',
  EU: 'europe',
  NA: 'north-america',
  OC: 'oceania',
  SA: 'south-america',
};

/** No continent of any list: western Asia without the Caucasus and Cyprus, and Iran. */
const MIDDLE_EAST: ReadonlySet<string> = new Set<TCountryCode>([
  'AE',
  'BH',
  'IL',
  'IQ',
  'IR',
  'JO',
  'KW',
  'LB',
  'OM',
  'PS',
  'QA',
  'SA',
  'SY',
  'TR',
  'YE',
]);

/** Where most of a country's people and lines are, against its continent in the list. */
const EXCEPTIONS: Readonly<Record<string, Region>> = { RU: 'europe' } satisfies Partial<Record<TCountryCode, Region>>;

/** The region of an ISO 3166-1 alpha-2 country; undefined for what is none (`EU`, `ZZ`). */
export function regionOfCountry(country: string): Region | undefined {
  if (MIDDLE_EAST.has(country)) return 'middle-east';
  if (Object.hasOwn(EXCEPTIONS, country)) return EXCEPTIONS[country];
  if (!Object.hasOwn(countries, country)) return undefined;
  return CONTINENTS[countries[country as TCountryCode].continent];
}
