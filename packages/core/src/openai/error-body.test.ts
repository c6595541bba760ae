import { describe, expect, it } from 'vitest';
import { OpenGatewayError } from '../errors.ts';
import { ERROR_TABLE, toHttpFailure } from './error-body.ts';

describe('toHttpFailure', () => {
  it.each([
    ['no_route', 503, 'no_route', null],
    ['capacity', 429, 'capacity', null],
    ['kv_cache_full', 429, 'capacity', null],
    ['model_not_found', 404, 'model_not_found', 'model'],
    ['context_length_exceeded', 400, 'context_length_exceeded', 'messages'],
  ])('gives %s the status %i and the code %s', (code, status, shown, param) => {
    const failure = toHttpFailure(new OpenGatewayError(code, 'Said so.'));
    expect(failure.status).toBe(status);
    expect(failure.body.error).toMatchObject({ code: shown, param, message: 'Said so.' });
  });

  it('tells every client that may come back when to do so', () => {
    for (const [code, row] of Object.entries(ERROR_TABLE)) {
      if (code === 'other_region') continue; // to be asked elsewhere, not later
      if (row.status === 429 || row.status === 503) {
        expect(toHttpFailure(new OpenGatewayError(code, '')).retryAfterSeconds).toBeGreaterThan(0);
      }
    }
  });

  it('tells a client to come back after a failure that may pass, without its details', () => {
    const failure = toHttpFailure(new OpenGatewayError('some_peer_code', 'secret', { retryable: true }));
    expect(failure.status).toBe(503);
    expect(failure.body.error.message).not.toContain('secret');
  });

  it.each([new Error('secret path'), 'secret', null, undefined, { code: 'toString', message: 'secret' }])(
    'keeps an unclassified failure (%s) to itself',
    (thrown) => {
      const failure = toHttpFailure(thrown);
      expect(failure.status).toBe(500);
      expect(failure.body.error.code).toBe('internal_error');
      expect(failure.body.error.message).not.toContain('secret');
    },
  );
});
