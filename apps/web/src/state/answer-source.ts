import type { CatalogEntry, ContributorSnapshot } from '@opengateway/core';
import { streamChatCompletion } from '../api/chat-completions.ts';
import { ModelNotHereError } from './errors.ts';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { Fetch } from '../api/relay-client.ts';
import type { SiteNode } from '../node/types.ts';
import type { AnswerReport } from '../storage/schema.ts';

/** Where an answer will come from, decided before it is asked for. */
export interface ChosenSource {
  readonly by: AnswerReport['by'];
  answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
}

/** Whether this tab can answer for `model` by itself: it has it loaded, announced or paused. */
export const canAnswerHere = (snapshot: ContributorSnapshot | null, model: string): boolean =>
  snapshot !== null && (snapshot.state === 'serving' || snapshot.state === 'paused') && snapshot.model?.id === model;

export interface AnswerSources {
  choose(model: string, deviceOnly: boolean): ChosenSource;
}

/**
 * This device where it has the model (no network, nobody else sees the prompt), the relay otherwise.
 *
 * Where the person allows this device only and it has no such model, the answer fails with
 * ModelNotHereError.
 */
export function createAnswerSources(components: {
  fetch: Fetch;
  base: string;
  node: () => SiteNode | null;
  catalogEntry: (model: string) => CatalogEntry | null;
  apiKey: () => string | null;
}): AnswerSources {
  const { fetch, base, node, catalogEntry, apiKey } = components;
  return {
    choose(model, deviceOnly) {
      const here = node();
      const entry = here?.contributor.snapshot().model ?? catalogEntry(model);
      if (here && entry && canAnswerHere(here.contributor.snapshot(), model)) {
        return { by: 'device', answer: (request, signal) => here.answer(request, entry, { signal }) };
      }
      if (deviceOnly) return { by: 'device', answer: () => refuse(model) };
      return {
        by: 'network',
        answer: (request, signal) => streamChatCompletion(request, { fetch, base, apiKey: apiKey(), signal }),
      };
    },
  };
}

// oxlint-disable-next-line require-yield -- an iterable that fails before its first event
async function* refuse(model: string): AsyncGenerator<AnswerEvent> {
  throw new ModelNotHereError(model);
}
