/** When something last happened to each of a bounded number of names; the one noted first makes room. */
export class RecentTimes<Name> {
  readonly #atMs = new Map<Name, number>();
  readonly #most: number;

  /** @param most names */
  constructor(most: number) {
    this.#most = most;
  }

  note(name: Name, atMs: number): void {
    this.#atMs.delete(name);
    this.#atMs.set(name, atMs);
    const [oldest] = this.#atMs.keys();
    if (this.#atMs.size > this.#most && oldest !== undefined) this.#atMs.delete(oldest);
  }

  /** Milliseconds as noted; `-Infinity` for never, or so long ago that it is forgotten. */
  of(name: Name): number {
    return this.#atMs.get(name) ?? -Infinity;
  }

  forget(name: Name): void {
    this.#atMs.delete(name);
  }
}
