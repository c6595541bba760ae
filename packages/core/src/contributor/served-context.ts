import type { ContributorLoadedModel } from './engine.ts';

/** Positions one answer may have: the model's, or what the engine's cache holds where that is less. */
export function servedContext(
  contextLength: number,
  { kvBudgetBytes, kvBytesPerToken }: ContributorLoadedModel['info'],
): number {
  if (kvBudgetBytes === undefined || kvBytesPerToken === undefined || kvBytesPerToken <= 0) return contextLength;
  return Math.min(contextLength, Math.floor(kvBudgetBytes / kvBytesPerToken));
}
