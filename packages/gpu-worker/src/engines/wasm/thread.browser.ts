import { runThread } from './thread-loop.ts';
import type { ThreadStart } from './threads.ts';

addEventListener(
  'message',
  async ({ data }: MessageEvent<ThreadStart>) => {
    await runThread(data, () => postMessage('ready'));
    close();
  },
  { once: true },
);
