import { ModelNotFoundError, isWholeModel } from '@opengateway/core';
import type { CatalogEntry, ContributorSnapshot } from '@opengateway/core';
import { streamChatCompletion } from '../api/chat-completions.ts';
import { answerDirectly } from './direct-answer.ts';
import { ModelNotHereError } from './errors.ts';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { Fetch } from '../api/relay-client.ts';
import type { NodeState } from './node-state.ts';
import type { Place } from './settings.ts';
import type { AnswerReport } from '../storage/schema.ts';

/** Where an answer will come from, decided before it is asked for. */
export interface ChosenSource {
  readonly by: AnswerReport['by'];
  answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
}

/** Whether this tab can answer for `model` by itself: it has all of it loaded, announced or paused. */
export function canAnswerHere(snapshot: ContributorSnapshot | null, model: string): boolean {
  if (snapshot === null || (snapshot.state !== 'serving' && snapshot.state !== 'paused')) return false;
  const { model: loaded, layers } = snapshot;
  return loaded?.id === model && layers !== null && isWholeModel(layers, loaded.layerCount);
}

export interface AnswerSources {
  choose(model: string, place: Place): ChosenSource;
}

/**
 * This device where it has the model (no network, nobody else sees the prompt), else what the person chose:
 * the relay, or peers that this tab asks itself.
 *
 * Where the person allows this device only and it has no such model, the answer fails with
 * ModelNotHereError.
 */
export function createAnswerSources(components: {
  fetch: Fetch;
  base: string;
  node: Pick<NodeState, 'node' | 'join' | 'peers' | 'settled'>;
  catalogEntry: (model: string) => CatalogEntry | null;
  apiKey: () => string | null;
  /** The region that the person chose; null: by the address. */
  region: () => string | null;
}): AnswerSources {
  const { fetch, base, node, catalogEntry, apiKey, region } = components;
  return {
    choose(model, place) {
      const here = node.node.value;
      const loaded = here?.contributor.snapshot() ?? null;
      if (here && loaded?.model && canAnswerHere(loaded, model)) {
        const { model: entry } = loaded;
        return { by: 'device', answer: (request, signal) => here.answerHere(request, entry, { signal }) };
      }
      if (place === 'device') return { by: 'device', answer: () => refuse(new ModelNotHereError(model)) };
      if (place === 'direct') {
        const entry = catalogEntry(model);
        if (entry === null) return { by: 'direct', answer: () => refuse(new ModelNotFoundError(model)) };
        return { by: 'direct', answer: (request, signal) => answerDirectly(node, request, entry, signal) };
      }
      return {
        by: 'network',
        answer: (request, signal) =>
          streamChatCompletion(request, { fetch, base, apiKey: apiKey(), region: region(), signal }),
      };
    },
  };
}

// oxlint-disable-next-line require-yield -- an iterable that fails before its first event
async function* refuse(error: Error): AsyncGenerator<AnswerEvent> {
  throw error;
}
