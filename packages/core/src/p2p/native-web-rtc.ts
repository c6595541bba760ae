/** Networks of this process whose WebRTC connections may still be open. */
let running = 0;

/** Not a literal, so that no bundler takes the library into a page, which has WebRTC of its own. */
const LIBRARY = 'node-datachannel';

/**
 * Counts a network that begins to use WebRTC; the returned function counts its end. In Node the library under
 * libp2p's WebRTC goes on with threads of its own that keep the process alive (4 of 10 times) even when every
 * connection is closed: with the last network of the process they are ended too.
 */
export function useNativeWebRtc(): () => Promise<void> {
  running += 1;
  let ended = false;
  return async () => {
    if (ended) return;
    ended = true;
    running -= 1;
    if (running > 0 || !isNode()) return;
    const { cleanup } = (await import(/* @vite-ignore */ LIBRARY)) as { cleanup(): void };
    // Another network may have begun while the library was looked up.
    if (running === 0) cleanup();
  };
}

const isNode = (): boolean =>
  (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
