import { DEFAULT_SAMPLING, errorCode } from '@opengateway/core';
import type { HiddenStates, LayerRequest, LayerSequence } from '@opengateway/core';

export const GREEDY = { ...DEFAULT_SAMPLING, seed: 1, temperature: 0 };

export const prompt = (length: number, seed: number) => Array.from({ length }, (_, at) => (seed * 31 + at * 7) % 320);

export const request = (over: Partial<LayerRequest> = {}): LayerRequest => {
  const tokens = over.tokens ?? [1, 2, 3, 5, 8, 13, 21];
  return {
    tokens,
    tokenCount: tokens.length,
    promptTokenCount: tokens.length,
    maxTokens: 12,
    endTokens: [],
    sampling: GREEDY,
    format: 'f32',
    ...over,
  };
};

/** The hidden states of the next `positions` positions. */
export async function take(sequence: LayerSequence, positions: number): Promise<HiddenStates[]> {
  const made: HiddenStates[] = [];
  const iterator = sequence.events[Symbol.asyncIterator]();
  for (let left = positions; left > 0;) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    if (value.type !== 'hidden') continue;
    made.push(value);
    left -= value.count;
  }
  return made;
}

export const token = (position: number, id: number) => ({ type: 'token', position, token: id }) as const;

export const copy = (input: HiddenStates): HiddenStates => ({ ...input, payload: input.payload.slice() });

export const changed = (over: object) => (input: HiddenStates) => ({ ...copy(input), ...over });

export function withValue(input: HiddenStates, value: number): HiddenStates {
  const values = new Float32Array(input.payload.slice().buffer);
  values[70] = value;
  return { ...input, payload: new Uint8Array(values.buffer) };
}

export const bytesOf = (states: readonly HiddenStates[]): Buffer => Buffer.concat(states.map(({ payload }) => payload));

export const codeOf = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => 'no error', errorCode);
