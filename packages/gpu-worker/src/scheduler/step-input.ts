import type { LayerInput } from '@opengateway/core';

/** The positions of one sequence that are to be computed: its tokens, or a neighbour's hidden states. */
export interface StepInput {
  /** Positions that could be computed now. */
  readonly ready: number;
  /** The next `count` of them, in the form an engine's step has them. */
  take(count: number): Int32Array | Float32Array;
  /** Given inputs that were taken to their end. */
  readonly takenInputs: number;
  /** A neighbour's. @throws InvalidInputError */
  give(input: LayerInput): void;
  /** The token chosen on this device, for the position after all computed ones. */
  chosen(token: number): void;
}
