import { createHash, timingSafeEqual } from 'node:crypto';
import { InvalidApiKeyError } from '../errors.ts';
import type { MiddlewareHandler } from 'hono';

/** Lets in who brings the relay's key; everyone, if it has none. */
export function apiKey(key: string | null): MiddlewareHandler {
  const expected = key === null ? null : digest(key);
  return async (c, next) => {
    if (expected !== null) {
      const [, given] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
      // Digests have one length, so that neither it nor the first wrong character shows in the time taken.
      if (given === undefined || !timingSafeEqual(digest(given), expected)) {
        c.header('www-authenticate', 'Bearer');
        throw new InvalidApiKeyError();
      }
    }
    await next();
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
