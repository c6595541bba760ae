import { describe, expect, it } from 'vitest';
import { createManifestFetcher } from './fetch-manifest.ts';
import type { CatalogEntry } from '../bootstrap.ts';

const entry = { id: 'm', manifestUrl: '/models/m/manifest.json' } as CatalogEntry;
const signal = new AbortController().signal;
const answering = (response: () => Response | Promise<Response>) => {
  const asked: string[] = [];
  const fetch = async (input: string | URL | Request) => {
    asked.push(String(input));
    return response();
  };
  return { asked, fetchManifest: createManifestFetcher(fetch as typeof globalThis.fetch, 'http://relay.example:1/x') };
};

describe('manifest fetcher', () => {
  it('reads the bytes of an address relative to the relay', async () => {
    const { asked, fetchManifest } = answering(() => new Response('{"a":1}'));
    expect(new TextDecoder().decode(await fetchManifest(entry, signal))).toBe('{"a":1}');
    expect(asked).toEqual(['http://relay.example:1/models/m/manifest.json']);
  });

  it('tells an HTTP error and a failing connection as manifest_unavailable', async () => {
    await expect(answering(() => new Response('', { status: 404 })).fetchManifest(entry, signal)).rejects.toMatchObject(
      {
        code: 'manifest_unavailable',
        message: expect.stringContaining('HTTP 404'),
        retryable: true,
      },
    );
    const down = answering(() => Promise.reject(new TypeError('fetch failed')));
    await expect(down.fetchManifest(entry, signal)).rejects.toMatchObject({ code: 'manifest_unavailable' });
  });

  it('stops reading at the size cap', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(8 * 1024 * 1024));
      },
    });
    await expect(answering(() => new Response(endless)).fetchManifest(entry, signal)).rejects.toMatchObject({
      code: 'manifest_unavailable',
      message: expect.stringContaining('longer than'),
    });
    expect(sent).toBeLessThan(10);
  });

  it('rejects with the reason of an aborted signal', async () => {
    const reason = new Error('stopped');
    const { fetchManifest } = answering(() => Promise.reject(new Error('aborted')));
    await expect(fetchManifest(entry, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
