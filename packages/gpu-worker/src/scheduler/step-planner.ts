import type { EngineStep } from '../engines/engine.ts';
import type { Generation } from './generation.ts';

/** What one `forward` computes, and whose it is. */
export interface StepPlan {
  readonly steps: readonly EngineStep[];
  readonly owners: readonly Generation[];
  readonly decodeTokens: number;
  readonly prefillTokens: number;
}

/** Chooses what is computed next: all that decode, and pieces of the prompts. The plan is used again every time. */
export class StepPlanner {
  readonly #steps: EngineStep[] = [];
  readonly #owners: Generation[] = [];
  /** Which answer the next step starts with, should they not all fit. */
  #turn = 0;
  #prefillTurn = false;

  /**
   * @param running in order of admission
   * @param room tokens of one `forward`
   * @param chunkTokens of prompts
   */
  plan(running: readonly Generation[], room: number, chunkTokens: number): StepPlan {
    this.#steps.length = 0;
    this.#owners.length = 0;
    const decodeTokens = this.#planDecode(running, room);
    const prefillTokens = this.#planPrefill(running, Math.min(chunkTokens, room - decodeTokens));
    return { steps: this.#steps, owners: this.#owners, decodeTokens, prefillTokens };
  }

  /** One token for every answer that has credit and something to compute; returns how many. */
  #planDecode(running: readonly Generation[], room: number): number {
    this.#turn = running.length > 0 ? (this.#turn + 1) % running.length : 0;
    for (let index = 0; index < running.length && this.#steps.length < room; index++) {
      const generation = running[(this.#turn + index) % running.length] as Generation;
      if (!generation.isPrefilling && generation.readyTokens > 0) this.#add(generation, 1);
    }
    return this.#steps.length;
  }

  /**
   * Pieces of prompts; returns how many tokens. In turn the shortest rest first, so that short prompts do
   * not all wait for each other, and the oldest first, so that a long one is never starved by short ones.
   */
  #planPrefill(running: readonly Generation[], chunkTokens: number): number {
    const shortestFirst = (this.#prefillTurn = !this.#prefillTurn);
    const firstStep = this.#steps.length;
    let left = chunkTokens;
    while (left > 0) {
      const generation = this.#nextToPrefill(running, shortestFirst, firstStep);
      if (generation === null) break;
      const tokens = Math.min(left, generation.readyTokens);
      this.#add(generation, tokens);
      left -= tokens;
    }
    return chunkTokens - left;
  }

  /** `running` is in order of admission, so the first that qualifies is the oldest. */
  #nextToPrefill(running: readonly Generation[], shortestFirst: boolean, firstStep: number): Generation | null {
    let next: Generation | null = null;
    for (const generation of running) {
      if (!generation.isPrefilling || this.#owners.indexOf(generation, firstStep) >= 0) continue;
      if (generation.readyTokens === 0) continue;
      if (!shortestFirst) return generation;
      if (next === null || generation.remainingPromptTokens < next.remainingPromptTokens) next = generation;
    }
    return next;
  }

  #add(generation: Generation, tokens: number): void {
    this.#steps.push(generation.step(tokens));
    this.#owners.push(generation);
  }
}
