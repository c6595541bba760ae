import { mergeChoices } from '@opengateway/core';
import type { ChoiceEvent, CompletionEvent, CompletionRequest, Completions, RouteStage } from '@opengateway/core';

/** An answer that has begun: every choice has somebody to compute it. */
export interface StartedAnswer {
  /** First route of each choice. */
  readonly routes: readonly (readonly RouteStage[])[];
  /** Events of all choices as they come, without the first routes. */
  readonly events: AsyncGenerator<ChoiceEvent, void, undefined>;
}

/**
 * Starts one completion per choice and waits until each has a route, so that what fails before that can
 * still be an HTTP status.
 *
 * When one choice fails, the others must end too: the caller aborts `signal`.
 *
 * @throws what `Completions` throws before its first route.
 */
export async function startAnswer(
  completions: Completions,
  requests: readonly CompletionRequest[],
  signal: AbortSignal,
): Promise<StartedAnswer> {
  const iterators = requests.map((request) => completions.run(request, { signal })[Symbol.asyncIterator]());
  const routes = await Promise.all(iterators.map(firstRoute));
  return { routes, events: choiceEvents(iterators) };
}

async function firstRoute(iterator: AsyncIterator<CompletionEvent>): Promise<readonly RouteStage[]> {
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return [];
    if (value.type === 'route') return value.stages;
  }
}

async function* choiceEvents(
  iterators: readonly AsyncIterator<CompletionEvent>[],
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const rests = iterators.map((iterator) => ({ [Symbol.asyncIterator]: () => iterator }));
  for await (const { index, value } of mergeChoices(rests)) yield { choice: index, event: value };
}

/** Value of `x-opengateway-route`; stages name their choice where there are several. */
export function routeHeader(routes: readonly (readonly RouteStage[])[]): string {
  const stages = routes.flatMap((route, choice) =>
    route.map(({ peer, engine, layers }) => ({
      peer,
      engine,
      layers: [layers.start, layers.end],
      ...(routes.length > 1 ? { choice } : {}),
    })),
  );
  return JSON.stringify(stages);
}
