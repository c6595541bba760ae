import {
  DEFAULT_SAMPLING,
  createCompletions,
  createCoordinator,
  createPeerRegistry,
  loadManifest,
  systemClock,
} from '@opengateway/core';
import { createTextClient } from '@opengateway/gpu-worker';
import { NoPeersError } from './errors.ts';
import type {
  CatalogEntry,
  CompletionEvent,
  FetchManifest,
  Generator,
  ManifestHash,
  ModelId,
  PeerName,
  ServedModel,
  TextCodec,
} from '@opengateway/core';
import type { TextClient } from '@opengateway/gpu-worker';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';

/** Answers of this tab to itself. */
export interface LocalAnswers {
  /** Makes the model's text side ready; failures show at the first answer. */
  prepare(entry: CatalogEntry): void;
  answer(request: AnswerRequest, entry: CatalogEntry, options: { signal: AbortSignal }): AsyncIterable<AnswerEvent>;
  close(): void;
}

/** A coordinator that knows no peers but this tab: what it is asked cannot leave it. */
export function createLocalAnswers(components: {
  peer: PeerName;
  generator: Generator;
  /** What the engine has loaded now, announced or not. */
  served: () => readonly ServedModel[];
  fetchManifest: FetchManifest;
  base: string;
}): LocalAnswers {
  const { peer, generator, served, fetchManifest, base } = components;
  const coordinator = createCoordinator({
    registry: createPeerRegistry({ clock: systemClock }),
    openSession: () => Promise.reject(new NoPeersError()),
    rttMs: () => undefined,
    clock: systemClock,
    random: Math.random,
    local: { peer, generator, served: (manifest) => served().find((model) => model.manifest === manifest) },
  });
  /** One model at a time is loaded, so one text side is kept. */
  let kept: { manifest: string; codec: Promise<TextClient> } | null = null;

  const open = async (entry: CatalogEntry): Promise<TextClient> => {
    const manifest = await loadManifest(entry, fetchManifest, new AbortController().signal);
    return createTextClient({ manifest, weights: { kind: 'http', baseUrl: weightsBase(entry, base) } });
  };
  const drop = (old: typeof kept) => void old?.codec.then((codec) => codec.close()).catch(() => undefined);
  const codecFor = (entry: CatalogEntry): Promise<TextCodec> => {
    if (kept?.manifest !== entry.manifest) {
      drop(kept);
      const opened = { manifest: entry.manifest, codec: open(entry) };
      kept = opened;
      opened.codec.catch(() => {
        // Told to whoever waits for it; the next one tries anew.
        if (kept === opened) kept = null;
      });
    }
    return kept.codec;
  };

  return {
    prepare: (entry) => void codecFor(entry).catch(() => undefined),
    async *answer(request, entry, { signal }) {
      const codec = await codecFor(entry);
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
      for await (const event of events) yield toAnswerEvent(event);
    },
    close() {
      drop(kept);
      kept = null;
    },
  };
}

/** Weights files lie beside their manifest. */
export const weightsBase = (entry: CatalogEntry, base: string): string =>
  new URL('.', new URL(entry.manifestUrl, base)).href;

function toAnswerEvent(event: CompletionEvent): AnswerEvent {
  switch (event.type) {
    case 'route':
      return { type: 'route', stages: event.stages };
    case 'progress':
      return { type: 'waiting', state: event.state, done: event.done, total: event.total };
    case 'text-delta':
      return { type: 'text-delta', text: event.text };
    case 'end':
      return { type: 'end', reason: event.reason, ...event.usage, failovers: event.failovers };
    default:
      return event satisfies never;
  }
}
