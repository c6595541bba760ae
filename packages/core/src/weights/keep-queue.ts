import { MAX_UNKEPT_CHUNKS } from './constants.ts';

/**
 * Chunks that are whole in memory and become kept one after the other: of what was verified no more than one is not
 * kept yet. A kill loses what waits here.
 */
export class KeepQueue {
  readonly #waiting = new Set<number>();
  readonly #givenUp = new Set<number>();
  #last: Promise<unknown> = Promise.resolve();

  /** Whether so many wait that no more should be asked for: a disk that falls behind holds the sources back. */
  get isFull(): boolean {
    return this.#waiting.size >= MAX_UNKEPT_CHUNKS;
  }

  /** Whether a chunk waits, and so need not be fetched again; `add` tells if it must be after all. */
  giveUp(chunk: number): boolean {
    if (!this.#waiting.has(chunk)) return false;
    this.#givenUp.add(chunk);
    return true;
  }

  /**
   * Does `work` when those before are done.
   *
   * @param putBack called where it was given up on elsewhere meanwhile
   * @throws what `work` throws
   */
  async add(chunk: number, work: () => Promise<void>, putBack: () => void): Promise<void> {
    this.#waiting.add(chunk);
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      await turn;
    } finally {
      this.#waiting.delete(chunk);
      if (this.#givenUp.delete(chunk)) putBack();
    }
  }
}
