import { DEFAULT_SAMPLING, createCompletions, loadManifest } from '@opengateway/core';
import { createTextClient } from '@opengateway/gpu-worker';
import { MAX_TEXT_MODELS } from './constants.ts';
import type {
  CatalogEntry,
  CompletionEvent,
  Coordinator,
  FetchManifest,
  ManifestHash,
  ModelId,
  PeerName,
} from '@opengateway/core';
import type { TextClient } from '@opengateway/gpu-worker';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';

/** Answers that this tab coordinates itself: it renders and tokenises the prompt and puts the text together. */
export interface TabAnswers {
  /** Makes the model's text side ready; failures show at the first answer. */
  prepare(entry: CatalogEntry): void;
  /** `coordinator` decides who may compute it. */
  answer(
    coordinator: Coordinator,
    request: AnswerRequest,
    entry: CatalogEntry,
    options: { signal: AbortSignal },
  ): AsyncIterable<AnswerEvent>;
  close(): void;
}

export function createTabAnswers(components: {
  /** This tab, for answers to say which of their stages it was. */
  peer: PeerName;
  fetchManifest: FetchManifest;
  base: string;
}): TabAnswers {
  const { peer, fetchManifest, base } = components;
  /** By manifest, the one used last at the end. */
  const kept = new Map<string, Promise<TextClient>>();

  const open = async (entry: CatalogEntry): Promise<TextClient> => {
    const manifest = await loadManifest(entry, fetchManifest, new AbortController().signal);
    return createTextClient({ manifest, weights: { kind: 'http', baseUrl: weightsBase(entry, base) } });
  };
  const drop = (manifest: string) => {
    const codec = kept.get(manifest);
    kept.delete(manifest);
    // One that never opened has told so to whoever waited for it.
    codec?.then((opened) => opened.close()).catch(() => undefined);
  };
  const codecFor = (entry: CatalogEntry): Promise<TextClient> => {
    const codec = kept.get(entry.manifest) ?? open(entry);
    kept.delete(entry.manifest);
    kept.set(entry.manifest, codec);
    codec.catch(() => {
      // Told to whoever waits for it; the next one tries anew.
      if (kept.get(entry.manifest) === codec) kept.delete(entry.manifest);
    });
    const [oldest] = kept.keys();
    if (kept.size > MAX_TEXT_MODELS && oldest !== undefined) drop(oldest);
    return codec;
  };

  return {
    prepare: (entry) => void codecFor(entry).catch(() => undefined),
    async *answer(coordinator, request, entry, { signal }) {
      if (!kept.has(entry.manifest)) yield { type: 'waiting', state: 'preparing', done: 0, total: 0 };
      const codec = await codecFor(entry);
      signal.throwIfAborted();
      yield { type: 'waiting', state: 'connecting', done: 0, total: 0 };
      const { contextLength, layerCount, manifest, id } = entry;
      const models = new Map([
        [id as ModelId, { manifest: manifest as ManifestHash, layerCount, contextLength, codec }],
      ]);
      const events = createCompletions({ coordinator, models }).run(
        {
          model: id as ModelId,
          messages: request.messages,
          sampling: { ...DEFAULT_SAMPLING, temperature: request.temperature, seed: request.seed },
          ...(request.maxTokens === null ? {} : { maxTokens: request.maxTokens }),
          stop: [],
        },
        { signal },
      );
      for await (const event of events) yield toAnswerEvent(event, peer);
    },
    close() {
      for (const manifest of kept.keys()) drop(manifest);
    },
  };
}

/** Weights files lie beside their manifest. */
export const weightsBase = (entry: CatalogEntry, base: string): string =>
  new URL('.', new URL(entry.manifestUrl, base)).href;

function toAnswerEvent(event: CompletionEvent, peer: PeerName): AnswerEvent {
  switch (event.type) {
    case 'route':
      return { type: 'route', stages: event.stages, here: peer };
    case 'progress':
      return { type: 'waiting', state: event.state, done: event.done, total: event.total };
    case 'text-delta':
      return { type: 'text-delta', text: event.text };
    case 'end': {
      const { reason, usage, failovers, reports } = event;
      return { type: 'end', reason, ...usage, failovers, reports };
    }
    default:
      return event satisfies never;
  }
}
