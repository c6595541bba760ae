import type { Generator } from '../inference/generator.ts';

/** What passed through a contributor's generator. */
export interface RequestCounts {
  readonly running: number;
  readonly queued: number;
  readonly served: number;
  readonly tokens: number;
}

export interface RequestCounter {
  readonly generator: Generator;
  counts(): RequestCounts;
}

/** Wraps `generator` and counts; `onChange` is called when a request comes, gets its place or ends, not for tokens. */
export function createRequestCounter(generator: Generator, onChange: () => void): RequestCounter {
  let open = 0;
  let queued = 0;
  let served = 0;
  let tokens = 0;
  return {
    counts: () => ({ running: open - queued, queued, served, tokens }),
    generator: {
      async *generate(request, options) {
        open++;
        let waiting = false;
        onChange();
        const setWaiting = (now: boolean) => {
          if (now === waiting) return;
          waiting = now;
          queued += now ? 1 : -1;
          onChange();
        };
        try {
          for await (const event of generator.generate(request, options)) {
            if (event.type === 'progress') setWaiting(event.state === 'queued');
            else setWaiting(false);
            if (event.type === 'token') tokens++;
            if (event.type === 'end') served++;
            yield event;
          }
        } finally {
          open--;
          if (waiting) queued--;
          onChange();
        }
      },
    },
  };
}
