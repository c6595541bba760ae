import { mergeChoices } from '@opengateway/core';
import type { ChoiceEvent, CompletionEvent, CompletionRequest, Completions, RouteStage } from '@opengateway/core';

/** An answer that has begun, or waits in line with its headers due. */
export interface StartedAnswer {
  /** First route of each choice; empty for one that has none yet. */
  readonly routes: readonly (readonly RouteStage[])[];
  /** Events of all choices as they come; routes in `routes` are not among them. */
  readonly events: AsyncGenerator<ChoiceEvent, void, undefined>;
}

export interface StartAnswerOptions {
  /** The caller aborts it when one choice fails: the others must end too. */
  readonly signal: AbortSignal;
  /** Longest wait for routes; without it, until they are there. */
  readonly routeWaitMs?: number;
}

/**
 * Starts one completion per choice and waits until each has a route, so that what fails before that can
 * still be an HTTP status.
 *
 * @throws what `Completions` throws before its first route.
 */
export async function startAnswer(
  completions: Completions,
  requests: readonly CompletionRequest[],
  { signal, routeWaitMs }: StartAnswerOptions,
): Promise<StartedAnswer> {
  const choices = requests.map((request) => new ChoiceRun(completions.run(request, { signal })));
  const routed = Promise.all(choices.map((choice) => choice.untilRoute()));
  await (routeWaitMs === undefined ? routed : within(routed, routeWaitMs));
  for (const choice of choices) choice.handOver();
  return { routes: choices.map(({ route }) => route), events: choiceEvents(choices) };
}

async function* choiceEvents(choices: readonly ChoiceRun[]): AsyncGenerator<ChoiceEvent, void, undefined> {
  for await (const { index, value } of mergeChoices(choices)) yield { choice: index, event: value };
}

/** One choice: its way to a route, then its events for whoever iterates. */
class ChoiceRun implements AsyncIterableIterator<CompletionEvent> {
  route: readonly RouteStage[] = [];
  readonly #iterator: AsyncIterator<CompletionEvent>;
  #pending: Promise<IteratorResult<CompletionEvent>> | undefined;
  #handedOver = false;

  constructor(events: AsyncIterable<CompletionEvent>) {
    this.#iterator = events[Symbol.asyncIterator]();
  }

  /** Takes events up to the first route; places in line are not kept. What comes instead of a route is. */
  async untilRoute(): Promise<void> {
    for (;;) {
      const pending = this.#iterator.next();
      this.#pending = pending;
      const { done, value } = await pending;
      // Whoever iterates now has taken this event.
      if (this.#handedOver) return;
      this.#pending = undefined;
      if (done === true) return;
      if (value.type === 'route') {
        this.route = value.stages;
        return;
      }
      if (value.type !== 'progress') {
        this.#pending = pending;
        return;
      }
    }
  }

  handOver(): void {
    this.#handedOver = true;
  }

  next(): Promise<IteratorResult<CompletionEvent>> {
    const pending = this.#pending ?? this.#iterator.next();
    this.#pending = undefined;
    return pending;
  }

  async return(): Promise<IteratorResult<CompletionEvent>> {
    await this.#iterator.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Passes events on and puts each choice's newest route into `routes`: in the end, who finished it. */
export async function* followRoutes(
  events: AsyncIterable<ChoiceEvent>,
  routes: (readonly RouteStage[])[],
): AsyncGenerator<ChoiceEvent, void, undefined> {
  for await (const choiceEvent of events) {
    const { choice, event } = choiceEvent;
    if (event.type === 'route') routes[choice] = event.stages;
    yield choiceEvent;
  }
}

/** Value of `x-opengateway-route`; stages name their choice where there are several. */
export function routeHeader(routes: readonly (readonly RouteStage[])[]): string {
  return JSON.stringify(
    routes.flatMap((route, choice) =>
      route.map((stage) => describeStage(stage, routes.length > 1 ? choice : undefined)),
    ),
  );
}

/** A stage as clients see it. */
export function describeStage({ peer, engine, layers }: RouteStage, choice?: number) {
  return { peer, engine, layers: [layers.start, layers.end], ...(choice === undefined ? {} : { choice }) };
}
