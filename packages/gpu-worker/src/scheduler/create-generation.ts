import { samplingReach } from '@opengateway/core';
import { Generation } from './generation.ts';
import { HiddenInput } from './hidden-input.ts';
import { TokenInput } from './token-input.ts';
import type { LayerRequest } from '@opengateway/core';
import type { EngineInfo } from '../engines/engine.ts';
import type { LayerSink, SchedulerComponents } from './types.ts';

/**
 * A generation for what an engine holds of the model: it starts from tokens at the first layer and from a
 * neighbour's hidden states elsewhere, and chooses tokens after the last one. Throws what the sampler's maker does.
 */
export function createGeneration(
  request: LayerRequest,
  sink: LayerSink,
  { info, createSampler, ...rest }: GenerationComponents,
): Generation {
  const { vocabularySize, hiddenSize, layerCount } = info.architecture;
  const isFirst = info.layers.start === 0;
  const isLast = info.layers.end === layerCount;
  const capacity = request.tokenCount + request.maxTokens;
  const { tokens, promptTokenCount, sampling } = request;
  return new Generation(request, sink, {
    ...rest,
    hiddenSize,
    input: isFirst
      ? new TokenInput({ tokens, capacity, vocabularySize, takesTokens: !isLast })
      : new HiddenInput({ hiddenSize, capacity }),
    sampler: isLast
      ? createSampler({
          vocabularySize,
          parameters: sampling,
          promptTokens: tokens.slice(0, promptTokenCount),
          answerTokens: tokens.slice(promptTokenCount),
        })
      : null,
    choiceOutput: samplingReach(sampling) <= (info.topK ?? 0) ? 'top-k' : 'last-logits',
  });
}

export interface GenerationComponents {
  readonly info: EngineInfo;
  readonly createSampler: SchedulerComponents['createSampler'];
  readonly credit: number;
  readonly nowMs: number;
}
