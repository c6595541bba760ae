import type { ModelArchitecture } from '@opengateway/core';

export interface StandInPackageInit {
  readonly architecture: ModelArchitecture;
  /** @default `q4f32_1` */
  readonly quantization?: string;
  /** @default the model's */
  readonly contextWindow?: number;
  /** Of each shard. @default [600, 400] */
  readonly shardBytes?: readonly number[];
  /** Rows of logits beyond the vocabulary. @default 0 */
  readonly paddedRows?: number;
}

/** Files of an MLC package that describe it, by name: what a host of one would answer. */
export function standInPackageFiles(init: StandInPackageInit): Readonly<Record<string, string>> {
  const { architecture, quantization = 'q4f32_1', shardBytes = [600, 400], paddedRows = 0 } = init;
  const { layerCount, hiddenSize, vocabularySize, contextLength } = architecture;
  return {
    'mlc-chat-config.json': JSON.stringify({
      version: '0.1.0',
      model_type: 'llama',
      quantization,
      model_config: { hidden_size: hiddenSize, num_hidden_layers: layerCount, vocab_size: vocabularySize },
      vocab_size: vocabularySize + paddedRows,
      context_window_size: init.contextWindow ?? contextLength,
      sliding_window_size: -1,
      attention_sink_size: -1,
      tokenizer_files: ['tokenizer.json'],
    }),
    'tensor-cache.json': JSON.stringify({
      metadata: { ParamSize: shardBytes.length },
      records: shardBytes.map((nbytes, index) => ({ dataPath: `params_shard_${index}.bin`, nbytes, records: [] })),
    }),
  };
}

/** A `fetch` that answers these files under `folder`, and 404 for everything else. */
export const fetchFrom =
  (folder: string, files: Readonly<Record<string, string>>): typeof fetch =>
  async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = input instanceof Request ? input.url : String(input);
    const file = url.startsWith(folder) ? files[url.slice(folder.length)] : undefined;
    return file === undefined ? new Response('not found', { status: 404 }) : new Response(file);
  };
