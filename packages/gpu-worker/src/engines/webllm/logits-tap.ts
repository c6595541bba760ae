import { WebLlmFailedError } from './errors.ts';
import type { WebLlmLogitProcessor } from './library.ts';

/** Takes the logits on their way through the library; what it samples from them is not used. */
export class LogitsTap implements WebLlmLogitProcessor {
  #seen: Float32Array | null = null;

  processLogits(logits: Float32Array): Float32Array {
    this.#seen = logits;
    return logits;
  }

  /** The logits seen since the last call: `[vocabularySize]`, without the rows that only pad. */
  take(vocabularySize: number): Float32Array {
    const logits = this.#seen;
    this.#seen = null;
    if (logits === null || logits.length < vocabularySize) {
      throw new WebLlmFailedError(`it gave ${logits?.length ?? 0} logits instead of ${vocabularySize}.`);
    }
    return logits.subarray(0, vocabularySize);
  }

  processSampledToken(): void {}

  resetState(): void {}
}
