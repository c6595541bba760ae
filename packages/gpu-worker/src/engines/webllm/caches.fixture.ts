/** The Cache API in memory, as far as it is used here. */
export class FakeCaches {
  readonly caches = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>();

  has = async (name: string): Promise<boolean> => this.caches.has(name);
  delete = async (name: string): Promise<boolean> => this.caches.delete(name);
  async open(name: string) {
    const entries = this.caches.get(name) ?? new Map<string, Uint8Array<ArrayBuffer>>();
    this.caches.set(name, entries);
    return {
      keys: async () => [...entries.keys()],
      match: async (url: string) => (entries.has(url) ? new Response(entries.get(url)) : undefined),
      put: async (url: string, response: Response) => {
        entries.set(url, new Uint8Array(await response.arrayBuffer()));
      },
      delete: async (url: string) => entries.delete(url),
    };
  }

  /** Addresses of all that is kept, with the cache's name before. */
  get keys(): string[] {
    return [...this.caches].flatMap(([name, entries]) => [...entries.keys()].map((url) => `${name} ${url}`)).sort();
  }

  get global(): CacheStorage {
    return this as unknown as CacheStorage;
  }
}
