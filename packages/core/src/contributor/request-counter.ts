import type { GenerateEvent, Generator } from '../inference/generator.ts';
import type { LayerEvent, LayerRunner } from '../inference/layer-runner.ts';

/** What passed through a contributor's engine. */
export interface RequestCounts {
  readonly running: number;
  readonly queued: number;
  readonly served: number;
  /** Of the answers, computed here in whole or in part. */
  readonly tokens: number;
}

export interface RequestCounter {
  readonly generator: Generator;
  readonly layers: LayerRunner;
  counts(): RequestCounts;
}

/**
 * Wraps an engine's two ways to compute and counts; `onChange` is called when a request comes, gets its place or
 * ends, not for tokens.
 */
export function createRequestCounter(
  engine: { readonly generator: Generator; readonly layers: LayerRunner },
  onChange: () => void,
): RequestCounter {
  let open = 0;
  let queued = 0;
  let served = 0;
  let tokens = 0;

  /** @param countsUnended whether a request that computed tokens was served though it was not told its end */
  async function* count<Event extends GenerateEvent | LayerEvent>(
    events: AsyncIterable<Event>,
    isToken: (event: Event) => boolean,
    countsUnended: boolean,
  ): AsyncGenerator<Event, void, void> {
    open++;
    let waiting = false;
    let computed = false;
    let ended = false;
    onChange();
    const setWaiting = (now: boolean) => {
      if (now === waiting) return;
      waiting = now;
      queued += now ? 1 : -1;
      onChange();
    };
    try {
      for await (const event of events) {
        setWaiting(event.type === 'progress' && event.state === 'queued');
        if (isToken(event)) {
          computed = true;
          tokens++;
        }
        if (event.type === 'end') {
          ended = true;
          served++;
        }
        yield event;
      }
    } finally {
      open--;
      if (waiting) queued--;
      if (countsUnended && computed && !ended) served++;
      onChange();
    }
  }

  return {
    counts: () => ({ running: open - queued, queued, served, tokens }),
    generator: {
      generate: (request, options) =>
        count(engine.generator.generate(request, options), ({ type }) => type === 'token', false),
    },
    layers: {
      run(request, options) {
        const sequence = engine.layers.run(request, options);
        const isToken = (event: LayerEvent) =>
          event.type === 'token' || (event.type === 'hidden' && event.position >= request.tokenCount);
        // Only the last stage of a chain is told the end of an answer.
        return {
          give: (input) => sequence.give(input),
          timing: () => sequence.timing(),
          events: count(sequence.events, isToken, true),
        };
      },
    },
  };
}
