import { ContextLengthExceededError, KvCacheFullError } from '../engines/errors.ts';
import { InvalidGenerationError } from './errors.ts';
import type { LayerRequest, OpenGatewayError } from '@opengateway/core';
import type { EngineInfo } from '../engines/engine.ts';

/**
 * Why this engine could never compute `request`, or null.
 *
 * A step the engine refuses would fail everything beside it, so what a stranger sent is checked here.
 */
export function checkRequest(request: LayerRequest, info: EngineInfo): OpenGatewayError | null {
  const { tokens, tokenCount, maxTokens } = request;
  if (!Number.isInteger(tokenCount) || tokenCount < 1) {
    return new InvalidGenerationError('There is no token to continue.');
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    return new InvalidGenerationError(`maxTokens is ${maxTokens}; it must be a positive integer.`);
  }
  const wanted = tokenCount + maxTokens;
  const { contextLength, vocabularySize, layerCount } = info.architecture;
  if (wanted > contextLength) return new ContextLengthExceededError(wanted, contextLength);
  const cacheTokens = Math.floor(info.kvBudgetBytes / info.kvBytesPerToken);
  if (wanted > cacheTokens) return new KvCacheFullError(wanted, cacheTokens);
  const needsTokens = info.layers.start === 0 || info.layers.end === layerCount;
  if (tokens.length !== tokenCount && (needsTokens || tokens.length > 0)) {
    return new InvalidGenerationError(`${tokens.length} tokens were given for ${tokenCount} positions.`);
  }
  const invalid = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
  if (invalid !== undefined) {
    return new InvalidGenerationError(`Token ${invalid} is outside the vocabulary of ${vocabularySize}.`);
  }
  return null;
}
