import { OpenGatewayError } from '@opengateway/core';
import type { CompletionModel, ManifestHash, ModelId } from '@opengateway/core';
import type { Logger } from 'pino';
import type { CatalogModel } from './catalog.ts';

/** A model's text side that can be closed. */
export type TextClient = CompletionModel['codec'] & { close(): Promise<void> };

/** Opens the text side of a model: its tokenizer and chat template, off this thread. */
export type OpenTextClient = (model: CatalogModel) => Promise<TextClient>;

/** The model's tokenizer is still being built, or could not be. */
export class ModelNotReadyError extends OpenGatewayError {
  static override readonly name = 'ModelNotReadyError';
  constructor(model: string) {
    super('model_not_ready', `The model '${model}' is not ready yet. Try again in a few seconds.`, {
      retryable: true,
    });
  }
}

export interface TextModels {
  /** @throws ModelNotReadyError for a model of the catalogue whose text side is not open. */
  get(model: ModelId): CompletionModel | undefined;
  /** Resolves when all are open, or have failed to. */
  readonly opened: Promise<void>;
  /** Models whose text side is not open. */
  missing(): readonly string[];
  close(): Promise<void>;
}

/** Opens the text side of every model of the catalogue, all at once, in the background. */
export function openTextModels(
  { logger, openTextClient }: { readonly logger: Logger; readonly openTextClient: OpenTextClient },
  catalog: readonly CatalogModel[],
): TextModels {
  const clients = new Map<string, TextClient>();
  const opening = catalog.map(async (model) => {
    try {
      clients.set(model.entry.id, await openTextClient(model));
    } catch (error) {
      logger.error({ err: error, model: model.entry.id }, 'the tokenizer cannot be built');
    }
  });
  const opened = Promise.all(opening).then(() => undefined);
  return {
    opened,
    get(id) {
      const model = catalog.find(({ entry }) => entry.id === id);
      if (model === undefined) return undefined;
      const codec = clients.get(id);
      if (codec === undefined) throw new ModelNotReadyError(id);
      const { manifest, layerCount, contextLength } = model.entry;
      return { manifest: manifest as ManifestHash, layerCount, contextLength, codec };
    },
    missing: () => catalog.map(({ entry }) => entry.id).filter((id) => !clients.has(id)),
    async close() {
      await opened;
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
