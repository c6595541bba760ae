import type { HiddenStates, LayerEvent, LayerRequest, LayerRunner, LayerSequence } from '@opengateway/core';

export interface LayerChain {
  /** What the last stage says, after all that came before it went its way. */
  readonly events: readonly LayerEvent[];
  readonly tokens: readonly number[];
  /** What each stage but the last gave to the next. */
  readonly hidden: readonly (readonly HiddenStates[])[];
  readonly sequences: readonly LayerSequence[];
}

/** One request over `runners`, whose layers follow each other to the end of the model: the ring without a network. */
export async function runLayerChain(runners: readonly LayerRunner[], request: LayerRequest): Promise<LayerChain> {
  const ending = new AbortController();
  const { signal } = ending;
  const last = runners.length - 1;
  const sequences = runners.map((runner, stage) =>
    runner.run(stage > 0 && stage < last ? { ...request, tokens: [] } : request, { signal }),
  );
  const hidden: HiddenStates[][] = runners.slice(0, -1).map(() => []);
  const pass = async (stage: number) => {
    for await (const event of sequences[stage]!.events) {
      if (event.type !== 'hidden') continue;
      hidden[stage]!.push({ ...event, payload: event.payload.slice() });
      await sequences[stage + 1]!.give(event);
    }
  };
  // Where the answer ends the stages before it are told, as an abort.
  const passing = hidden.map((_, stage) =>
    pass(stage).catch((error: unknown) => {
      if (error !== ENDED) ending.abort(error);
    }),
  );
  const events: LayerEvent[] = [];
  try {
    for await (const event of sequences[last]!.events) {
      events.push(event);
      if (event.type === 'token' && last > 0) void sequences[0]!.give(event);
    }
  } finally {
    ending.abort(ENDED);
    await Promise.all(passing);
  }
  const tokens = events.flatMap((event) => (event.type === 'token' ? [event.token] : []));
  return { events, tokens, hidden, sequences };
}

const ENDED = new Error('The answer is complete.');
