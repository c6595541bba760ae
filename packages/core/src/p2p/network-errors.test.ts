import { StreamResetError } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import { isExpectedNetworkError } from './network-errors.ts';

describe('isExpectedNetworkError', () => {
  it.each([
    ['a reset stream', new StreamResetError()],
    ['a timeout', new DOMException('too late', 'TimeoutError')],
    ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    [
      'all addresses failing',
      new AggregateError([new StreamResetError(), Object.assign(new Error(), { code: 'EPIPE' })]),
    ],
    ['a wrapped cause', new Error('failed', { cause: new StreamResetError() })],
  ])('knows %s', (_name, error) => {
    expect(isExpectedNetworkError(error)).toBe(true);
  });

  it.each([
    ['a fault of ours', new TypeError('x is not a function')],
    ['a mixed aggregate', new AggregateError([new StreamResetError(), new TypeError('x')])],
    ['an empty aggregate', new AggregateError([])],
    ['a string', 'StreamResetError'],
    ['nothing', undefined],
  ])('does not take %s for one', (_name, error) => {
    expect(isExpectedNetworkError(error)).toBe(false);
  });
});
