import { bootstrapSchema } from '@opengateway/core';
import type { BootstrapDocument } from '@opengateway/core';
import { MAX_BOOTSTRAP_BYTES, MAX_ERROR_BODY_BYTES, RELAY_TIMEOUT_MS } from '../constants.ts';
import { ApiError, InvalidAnswerError, RelayUnreachableError } from './errors.ts';
import { readCapped } from './read-capped.ts';

export type Fetch = typeof globalThis.fetch;

/** What the site asks of its relay besides answers. */
export interface RelayClient {
  /** @throws RelayUnreachableError, ApiError, InvalidAnswerError */
  bootstrap(): Promise<{ document: BootstrapDocument; roundTripMs: number }>;
  /** Whether somebody can serve now. @throws RelayUnreachableError */
  ready(): Promise<{ ready: boolean; roundTripMs: number }>;
}

/** A client of the relay at `base` (its origin). */
export function createRelayClient(components: { fetch: Fetch; now: () => number }, base: string): RelayClient {
  const get = async (path: string) => {
    const started = components.now();
    try {
      const response = await components.fetch(new URL(path, base), { signal: AbortSignal.timeout(RELAY_TIMEOUT_MS) });
      return { response, roundTripMs: components.now() - started };
    } catch (cause) {
      throw new RelayUnreachableError({ cause });
    }
  };
  return {
    async bootstrap() {
      const { response, roundTripMs } = await get('/bootstrap');
      if (!response.ok) throw await readApiError(response);
      const parsed = bootstrapSchema.safeParse(parseJson(await readCapped(response, MAX_BOOTSTRAP_BYTES)));
      if (!parsed.success) throw new InvalidAnswerError('The relay sent a bootstrap document this page cannot read.');
      return { document: parsed.data, roundTripMs };
    },
    async ready() {
      const { response, roundTripMs } = await get('/readyz');
      // The status is the answer; an unread body would keep the connection busy.
      await response.body?.cancel();
      return { ready: response.ok, roundTripMs };
    },
  };
}

/** Turns a refusal into an error with OpenAI's code and parameter, whatever its body is. */
export async function readApiError(response: Response): Promise<ApiError> {
  const text = await readCapped(response, MAX_ERROR_BODY_BYTES).catch(() => '');
  const body = parseJson(text) as { error?: Record<string, unknown> } | undefined;
  const error = body?.error ?? {};
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(
    response.status,
    word(error['code']) ?? `http_${response.status}`,
    word(error['message']) ?? `The relay answered with status ${response.status}.`,
    {
      parameter: word(error['param']),
      retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : null,
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The callers treat what is not JSON as an unreadable document.
    return undefined;
  }
}

const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
