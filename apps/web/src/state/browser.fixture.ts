/** One browser's locks, exclusive, shared and stolen, as tabs use them. */
export class FakeLocks {
  #held: { mode: LockMode; reject: (error: unknown) => void }[] = [];
  readonly #queue: { mode: LockMode; grant: () => void }[] = [];

  readonly request = (async (
    _name: string,
    { mode = 'exclusive', ifAvailable = false, steal = false, signal }: LockOptions,
    callback: (lock: object | null) => unknown,
  ) => {
    // As in a browser, nothing is granted before the caller has gone on.
    await Promise.resolve();
    if (steal) {
      for (const { reject } of this.#held) reject(new DOMException('stolen', 'AbortError'));
      this.#held = [];
    } else if (!this.#isFree(mode)) {
      if (ifAvailable) return callback(null);
      await new Promise<void>((resolve, reject) => {
        const waiting = { mode, grant: resolve };
        this.#queue.push(waiting);
        signal?.addEventListener('abort', () => {
          this.#queue.splice(this.#queue.indexOf(waiting), 1);
          reject(signal.reason as Error);
        });
      });
    }
    const ended = Promise.withResolvers<never>();
    const hold = { mode, reject: ended.reject };
    this.#held.push(hold);
    try {
      return await Promise.race([callback({}), ended.promise]);
    } finally {
      this.#held = this.#held.filter((other) => other !== hold);
      while (this.#queue[0] && this.#isFree(this.#queue[0].mode)) {
        const next = this.#queue.shift()!;
        next.grant();
        // It holds once its own turn has come.
        await Promise.resolve();
      }
    }
  }) as unknown as LockManager['request'];

  #isFree(mode: LockMode): boolean {
    return this.#held.every((hold) => mode === 'shared' && hold.mode === 'shared');
  }
}

/** The channels of one browser: what one posts, all others hear, a turn later. */
export class FakeChannels {
  readonly #listeners = new Map<object, (event: { data: unknown }) => void>();

  open() {
    const key = {};
    return {
      postMessage: (data: unknown) => {
        for (const [other, listener] of this.#listeners) {
          if (other !== key) queueMicrotask(() => listener({ data: structuredClone(data) }));
        }
      },
      addEventListener: ((_type: string, listener: (event: { data: unknown }) => void) =>
        void this.#listeners.set(key, listener)) as BroadcastChannel['addEventListener'],
      close: () => void this.#listeners.delete(key),
    };
  }
}

export class MemoryStorage {
  readonly #items = new Map<string, string>();
  getItem = (key: string): string | null => this.#items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#items.set(key, value);
  removeItem = (key: string): void => void this.#items.delete(key);
}
