import { runThread } from './thread-loop.ts';
import type { ThreadStart } from './threads.ts';

addEventListener('message', ({ data }: MessageEvent<ThreadStart>) => void runThread(data, () => postMessage('ready')), {
  once: true,
});
