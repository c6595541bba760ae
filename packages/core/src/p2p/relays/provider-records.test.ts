import { beforeEach, describe, expect, it } from 'vitest';
import {
  DHT_RECORD_AGE_MS,
  MAX_DHT_RECORDS,
  MAX_DHT_VALUE_BYTES,
  MAX_FOUND_RELAYS,
  MAX_RECORDS_PER_PROVIDER,
} from './constants.ts';
import { ProviderRecords } from './provider-records.ts';

const REGION = 'region';
const TIME = new Uint8Array(6);

let nowMs: number;
let unknown: Set<string>;
let records: ProviderRecords;

beforeEach(() => {
  nowMs = 1_000;
  unknown = new Set();
  records = new ProviderRecords({
    now: () => nowMs,
    isKnown: async (provider) => !unknown.has(provider),
    isLast: (hash) => hash === REGION,
  });
});

type Key = Parameters<ProviderRecords['put']>[0];

/** All that the store asks of a key. */
const named = (name: string) => ({ toString: () => name }) as Key;
const keyOf = (hash: string, provider: string) => named(`/dht/provider/${hash}/${provider}`);
const write = (hash: string, provider: string) => records.put(keyOf(hash, provider), TIME);
const model = (index: number) => `model${index.toString(2).replaceAll('0', 'a').replaceAll('1', 'b')}`;

async function providers(hash: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of records.query({ prefix: `/dht/provider/${hash}` }))
    found.push(key.toString().split('/').at(-1) ?? '');
  return found;
}

describe('the records of the DHT', () => {
  it('are those of providers and nothing else, and short', () => {
    expect(() => records.put(named('/dht/record/abc'), TIME)).toThrow('Only provider records');
    expect(() => records.put(keyOf(REGION, 'a/b'), TIME)).toThrow('Only provider records');
    expect(() => records.put(keyOf('a'.repeat(256), 'asia'), TIME)).toThrow('Only provider records');
    expect(() => records.put(keyOf(REGION, 'asia'), new Uint8Array(MAX_DHT_VALUE_BYTES + 1))).toThrow('Only provider');
    expect(records.size).toBe(0);
    write(REGION, 'asia');
    expect(records.size).toBe(1);
  });

  it('can be read and deleted by their names', () => {
    const key = write(REGION, 'asia');
    expect(records.has(key)).toBe(true);
    expect(records.get(key)).toEqual(TIME);
    records.delete(key);
    expect(() => records.get(key)).toThrow(expect.objectContaining({ name: 'NotFoundError' }));
  });

  it('do not keep the buffer that they came in', () => {
    const key = records.put(keyOf(REGION, 'asia'), new Uint8Array(65_536).subarray(0, 6));
    expect(records.get(key).buffer.byteLength).toBe(6);
  });

  it('are forgotten when they are not written again', async () => {
    write(REGION, 'gone');
    write(REGION, 'stays');
    nowMs += DHT_RECORD_AGE_MS - 1;
    write(REGION, 'stays');
    expect(await providers(REGION)).toContain('gone');
    nowMs += 1;
    expect(await providers(REGION)).toEqual(['stays']);
    expect(records.size).toBe(1);
  });

  it('leave out whose addresses are not known any more', async () => {
    write(REGION, 'here');
    write(REGION, 'lost');
    unknown.add('lost');
    expect(await providers(REGION)).toEqual(['here']);
    unknown.clear();
    expect(await providers(REGION)).toEqual(['lost', 'here']);
  });

  it('are told by turns from the newest and from those that stand longest', async () => {
    for (const name of ['first', 'second', 'third', 'fourth']) write(REGION, name);
    write(REGION, 'second');
    expect(await providers(REGION)).toEqual(['second', 'first', 'fourth', 'third']);
  });

  it('show a relay behind many names that were written before it, and after it', async () => {
    for (let index = 0; index < 500; index++) write(REGION, `before${index}`);
    write(REGION, 'living');
    expect(await providers(REGION)).toHaveLength(MAX_FOUND_RELAYS);
    expect((await providers(REGION))[0]).toBe('living');
    for (const name of await providers(REGION)) if (name !== 'living') records.delete(keyOf(REGION, name));

    records = new ProviderRecords({ now: () => nowMs, isKnown: async () => true, isLast: () => false });
    write(REGION, 'living');
    for (let index = 0; index < 500; index++) write(REGION, `after${index}`);
    expect(await providers(REGION)).toContain('living');
  });

  it('of one provider replace its own, its region last', async () => {
    write(REGION, 'flooder');
    write(REGION, 'relay');
    for (let index = 0; index < 1_000; index++) write(model(index), 'flooder');
    expect(records.size).toBe(MAX_RECORDS_PER_PROVIDER + 1);
    expect(await providers(REGION)).toEqual(['relay', 'flooder']);
    expect(await providers(model(0))).toEqual([]);
    expect(await providers(model(999))).toEqual(['flooder']);
  });

  it('of whoever has most make room, and those of regions when nothing else is left', async () => {
    write(REGION, 'relay');
    for (let index = 0; index < 10; index++) write(model(index), 'relay');
    for (let written = 0; written < MAX_DHT_RECORDS + 1_000; written++)
      write(model(written), `flooder${Math.floor(written / MAX_RECORDS_PER_PROVIDER)}`);
    expect(records.size).toBe(MAX_DHT_RECORDS);
    expect(await providers(REGION)).toEqual(['relay']);
    expect(await providers(model(3))).toContain('relay');
  });
});

describe('many names with one record each', () => {
  it('push out no region', async () => {
    write(REGION, 'relay');
    for (let index = 0; index < MAX_DHT_RECORDS + 100; index++) write(model(7), `name${index}`);
    expect(records.size).toBe(MAX_DHT_RECORDS);
    expect(await providers(REGION)).toEqual(['relay']);
  });
});
