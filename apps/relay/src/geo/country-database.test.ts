import { beforeAll, describe, expect, it } from 'vitest';
import { openCountryDatabase } from './country-database.ts';
import { regionOfCountry } from './country-region.ts';
import { parseIpAddress } from './ip-address.ts';
import { locateClient } from './locate-client.ts';
import type { CountryOf } from './country-database.ts';

let countryOf: CountryOf;
beforeAll(async () => {
  countryOf = await openCountryDatabase();
});

const locate = (address: string) => locateClient({ countryOf, region: 'local' }, parseIpAddress(address), undefined);
const country = (address: string) => {
  const parsed = parseIpAddress(address);
  return parsed === undefined ? undefined : countryOf(parsed);
};

// Networks of universities, exchanges and registries, which have held them for decades.
describe('the country database', () => {
  it.each([
    ['202.92.128.1', 'University of the Philippines, Manila', 'PH', 'asia'],
    ['130.69.1.1', 'University of Tokyo', 'JP', 'asia'],
    ['18.9.22.169', 'Massachusetts Institute of Technology', 'US', 'north-america'],
    ['171.64.1.1', 'Stanford University', 'US', 'north-america'],
    ['143.107.1.1', 'Universidade de São Paulo', 'BR', 'south-america'],
    ['143.106.10.1', 'Universidade Estadual de Campinas', 'BR', 'south-america'],
    ['129.132.1.1', 'ETH Zürich', 'CH', 'europe'],
    ['131.111.8.42', 'University of Cambridge', 'GB', 'europe'],
    ['137.158.1.1', 'University of Cape Town', 'ZA', 'africa'],
    ['196.216.2.1', 'AFRINIC', 'ZA', 'africa'],
    ['128.250.1.1', 'University of Melbourne', 'AU', 'oceania'],
    ['130.216.1.1', 'University of Auckland', 'NZ', 'oceania'],
    ['132.68.1.1', 'Technion, Haifa', 'IL', 'middle-east'],
    ['193.140.192.1', 'Boğaziçi Üniversitesi, Istanbul', 'TR', 'middle-east'],
    ['196.1.64.1', 'King Fahd University of Petroleum and Minerals', 'SA', 'middle-east'],
    ['2001:67c:2e8:22::c100:68b', 'RIPE NCC', 'NL', 'europe'],
    ['2001:620::1', 'SWITCH', 'CH', 'europe'],
    ['2001:12f0::1', 'RNP, Brazil', 'BR', 'south-america'],
    ['2001:4200::1', 'TENET, South Africa', 'ZA', 'africa'],
    ['2001:388::1', 'AARNet, Australia', 'AU', 'oceania'],
    ['2001:bf8::1', 'IUCC, Israel', 'IL', 'middle-east'],
    ['2001:4860:4860::8888', 'Google', 'US', 'north-america'],
    ['::ffff:202.92.128.1', 'an IPv4 address within IPv6', 'PH', 'asia'],
    ['::FFFF:ca5c:8001', 'the same in hexadecimal', 'PH', 'asia'],
    ['0:0:0:0:0:ffff:202.92.128.1', 'the same at full length', 'PH', 'asia'],
  ])('finds %s (%s) in %s, %s', (address, _holder, expectedCountry, region) => {
    expect(country(address)).toBe(expectedCountry);
    expect(locate(address)).toEqual({ region, regionSource: 'address' });
  });

  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.1.1',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.7',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::ffff:192.168.1.1',
    '::',
    '::1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    '2001:db8::1',
    '2002:ca5c:8001::1',
    '64:ff9b::ca5c:8001',
  ])('gives %s no country: the relay stands in with its own region, and says so', (address) => {
    expect(country(address)).toBeUndefined();
    expect(locate(address)).toEqual({ region: 'local', regionSource: 'relay' });
  });

  it.each(['', 'abc', '1.2.3', '01.2.3.4', '1.2.3.4.5', '1.2.3.4:80', '[::1]', '::ffff:1.2.3.400'])(
    'takes %j for no address',
    (text) => {
      expect(parseIpAddress(text)).toBeUndefined();
      expect(locate(text)).toEqual({ region: 'local', regionSource: 'relay' });
    },
  );

  it('gives way to what the client says itself', () => {
    expect(locateClient({ countryOf, region: 'local' }, parseIpAddress('130.69.1.1'), 'europe')).toEqual({
      region: 'europe',
      regionSource: 'override',
    });
  });
});

describe('regionOfCountry', () => {
  it.each([
    ['PH', 'asia'],
    ['IN', 'asia'],
    ['KZ', 'asia'],
    ['MX', 'north-america'],
    ['PA', 'north-america'],
    ['JM', 'north-america'],
    ['CO', 'south-america'],
    ['RU', 'europe'],
    ['UA', 'europe'],
    ['CY', 'europe'],
    ['TR', 'middle-east'],
    ['IR', 'middle-east'],
    ['AE', 'middle-east'],
    ['EG', 'africa'],
    ['MA', 'africa'],
    ['FJ', 'oceania'],
    ['AQ', 'south-america'],
  ])('puts %s in %s', (code, region) => {
    expect(regionOfCountry(code)).toBe(region);
  });

  it.each(['', 'EU', 'ZZ', 'ph', 'toString'])('knows no region of %j', (code) => {
    expect(regionOfCountry(code)).toBeUndefined();
  });
});
