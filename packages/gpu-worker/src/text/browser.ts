import { createTextClientFor } from './text-client.ts';
import type { TextModel } from './api.ts';
import type { TextClient } from './text-client.ts';

/**
 * A model's text side in a worker of this page.
 *
 * @throws see `createTextClientFor`
 * @example
 * const text = await createTextClient({ manifest, weights: { kind: 'http', baseUrl } });
 * const tokens = await text.encodeChat([{ role: 'user', content: 'Hello' }]);
 */
export const createTextClient = (model: TextModel): Promise<TextClient> =>
  createTextClientFor(model, {
    spawn: () => {
      const worker = new Worker(new URL('./text-worker.browser.ts', import.meta.url), {
        type: 'module',
        name: 'opengateway-text',
      });
      return {
        endpoint: worker,
        onFailure(listener) {
          worker.addEventListener('error', (event) => listener(event.error ?? new Error(event.message || 'no reason')));
          worker.addEventListener('messageerror', () => listener(new Error('a message could not be read')));
        },
        terminate: () => worker.terminate(),
      };
    },
  });
