import { ContextLengthExceededError, InvalidStepError } from './errors.ts';
import type { EngineInfo, EngineStep, SequenceId } from './engine.ts';

/** What a step is checked against: the state of its sequence. */
export interface SequenceState {
  readonly length: number;
  readonly maxTokens: number;
}

/**
 * Checks a whole `forward` before anything is computed, so that a refused one changes nothing.
 *
 * @returns the tokens of each step.
 * @throws InvalidStepError, ContextLengthExceededError, and what `find` throws for an unknown sequence.
 */
export function checkSteps(
  steps: readonly EngineStep[],
  info: EngineInfo,
  find: (sequence: SequenceId) => SequenceState,
): readonly number[] {
  const seen = new Set<SequenceId>();
  const counts = steps.map((step) => {
    const { length, maxTokens } = find(step.sequence);
    if (seen.has(step.sequence)) throw new InvalidStepError(`Sequence ${step.sequence} has more than one step.`);
    seen.add(step.sequence);
    const tokens = checkInput(step, info);
    checkOutput(step, info);
    if (length + tokens > maxTokens) throw new ContextLengthExceededError(length + tokens, maxTokens);
    return tokens;
  });
  const total = counts.reduce((sum, tokens) => sum + tokens, 0);
  if (total > info.maxBatchTokens) {
    throw new InvalidStepError(`${total} tokens in one forward; this engine computes at most ${info.maxBatchTokens}.`);
  }
  return counts;
}

function checkInput({ input }: EngineStep, { layers, architecture }: EngineInfo): number {
  const { hiddenSize, vocabularySize } = architecture;
  if (input.length === 0) throw new InvalidStepError('A step needs one token or more.');
  if (layers.start === 0) {
    if (!(input instanceof Int32Array)) throw new InvalidStepError('Layer 0 takes token ids.');
    const stranger = input.find((token) => token < 0 || token >= vocabularySize);
    if (stranger === undefined) return input.length;
    throw new InvalidStepError(`Token ${stranger} is not in the vocabulary of ${vocabularySize}.`);
  }
  if (!(input instanceof Float32Array)) throw new InvalidStepError(`Layer ${layers.start} takes hidden states.`);
  if (input.length % hiddenSize === 0) return input.length / hiddenSize;
  throw new InvalidStepError(`${input.length} values are no whole number of states of ${hiddenSize}.`);
}

function checkOutput({ output }: EngineStep, { layers, architecture, topK }: EngineInfo): void {
  if (output === 'top-k' && topK === undefined)
    throw new InvalidStepError('This engine gives whole rows of logits only.');
  if (output === 'none' || output === 'hidden' || layers.end === architecture.layerCount) return;
  throw new InvalidStepError(`Layers up to ${layers.end} of ${architecture.layerCount} give no logits.`);
}
