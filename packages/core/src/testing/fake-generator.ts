import type { GenerateEvent, GenerateRequest, Generator } from '../inference/generator.ts';

export interface FakeGeneratorInit {
  /** The answer ends with `stop` where the next token would be a multiple of this. @default never */
  readonly stopEvery?: number;
  /** Awaited before each token; throwing fails the generation there. */
  readonly beforeToken?: (context: { index: number; tokens: readonly number[]; signal: AbortSignal }) => Promise<void>;
  /** Awaited before the first event: a place for `engine_busy`. */
  readonly onStart?: (request: GenerateRequest) => Promise<void>;
}

/** Tokens the fakes draw from: `[0, FAKE_VOCABULARY)`. */
export const FAKE_VOCABULARY = 50_000;

/** The token that follows `tokens`: a hash of all of them and the seed, so that any lost or doubled one shows. */
export function fakeNextToken(tokens: readonly number[], seed: number): number {
  let hash = (2_166_136_261 ^ seed) >>> 0;
  for (const token of tokens) hash = Math.imul(hash ^ token, 16_777_619) >>> 0;
  return hash % FAKE_VOCABULARY;
}

/** What an undisturbed `FakeGenerator` answers. */
export function fakeAnswer(request: GenerateRequest, stopEvery = Infinity): number[] {
  const tokens = [...request.tokens];
  while (tokens.length < request.tokens.length + request.maxTokens) {
    const token = fakeNextToken(tokens, request.sampling.seed);
    if (token % stopEvery === 0) break;
    tokens.push(token);
  }
  return tokens.slice(request.tokens.length);
}

/** A generator without a model; deterministic, and continued exactly by any other of its kind. */
export class FakeGenerator implements Generator {
  /** Every request seen, in order. */
  readonly requests: GenerateRequest[] = [];
  running = 0;
  /** Generations that ended by their signal. */
  aborted = 0;
  readonly #init: FakeGeneratorInit;

  constructor(init: FakeGeneratorInit = {}) {
    this.#init = init;
  }

  async *generate(request: GenerateRequest, { signal }: { signal: AbortSignal }): AsyncGenerator<GenerateEvent> {
    const { stopEvery = Infinity, beforeToken, onStart } = this.#init;
    this.requests.push(request);
    this.running += 1;
    const onAbort = () => {
      this.aborted += 1;
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await onStart?.(request);
      signal.throwIfAborted();
      const total = request.tokens.length;
      yield { type: 'progress', state: 'prefill', done: 0, total };
      yield { type: 'progress', state: 'prefill', done: total, total };
      const tokens = [...request.tokens];
      for (let index = 0; index < request.maxTokens; index++) {
        await beforeToken?.({ index, tokens, signal });
        signal.throwIfAborted();
        const token = fakeNextToken(tokens, request.sampling.seed);
        if (token % stopEvery === 0) {
          yield { type: 'end', reason: 'stop', timing: FAKE_TIMING };
          return;
        }
        tokens.push(token);
        yield { type: 'token', token };
      }
      yield { type: 'end', reason: 'length', timing: FAKE_TIMING };
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.running -= 1;
    }
  }
}

const FAKE_TIMING = { queuedMs: 0, prefillMs: 1, decodeMs: 1 };
