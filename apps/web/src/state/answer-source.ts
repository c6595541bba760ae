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

/**
 * A model that this tab can answer for by itself, announced or paused: it has all of it, in memory or on disk. Null
 * where it has not.
 */
export function modelHere(snapshot: ContributorSnapshot | null, model: string): CatalogEntry | null {
  if (snapshot === null || (snapshot.state !== 'serving' && snapshot.state !== 'paused')) return null;
  const { model: first, layers, held } = snapshot;
  if (first?.id === model) return layers !== null && isWholeModel(layers, first.layerCount) ? first : null;
  return held.find(({ entry, state }) => entry.id === model && state !== 'fetching')?.entry ?? null;
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
      const own = modelHere(here?.contributor.snapshot() ?? null, model);
      if (here && own) {
        return { by: 'device', answer: (request, signal) => here.answerHere(request, own, { signal }) };
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
