import { describe, expect, it } from 'vitest';
import { AddressLimit } from './address-limit.ts';

describe('AddressLimit', () => {
  it('counts each address by itself and frees a place once', () => {
    const limit = new AddressLimit(2);
    const leave = limit.enter('10.0.0.1');
    limit.enter('10.0.0.1');
    expect(limit.enter('10.0.0.1')).toBeUndefined();
    expect(limit.enter('10.0.0.2')).toBeDefined();
    leave?.();
    leave?.();
    expect(limit.enter('10.0.0.1')).toBeDefined();
    expect(limit.enter('10.0.0.1')).toBeUndefined();
  });

  it.each([
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8::1', '2001:db8:0:0:5::', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::1', '1::', false],
  ])('takes %s and %s for one client: %s', (first, second, same) => {
    const limit = new AddressLimit(1);
    limit.enter(first);
    expect(limit.enter(second) === undefined).toBe(same);
  });

  it('limits nobody when told not to', () => {
    const limit = new AddressLimit(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 1_000; i += 1) expect(limit.enter('127.0.0.1')).toBeDefined();
  });
});
