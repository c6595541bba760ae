import { ACTIVATIONS_PROTOCOL } from '../../packages/core/src/inference/stage-links.ts';
import type { Network } from '@opengateway/core/p2p';

/** Makes every frame that leaves for a next stage leave later, as if the way was longer; in order. */
export function delayActivations({ node }: Network): { setDelay(ms: number): void } {
  let delayMs = 0;
  node.addEventListener('connection:open', ({ detail: connection }) => {
    const newStream = connection.newStream.bind(connection);
    connection.newStream = async (protocols, options) => {
      const stream = await newStream(protocols, options);
      if (![protocols].flat().includes(ACTIVATIONS_PROTOCOL)) return stream;
      const send = stream.send.bind(stream);
      stream.send = (data) => {
        if (delayMs === 0) return send(data);
        setTimeout(() => {
          // What is still on its way when a session ends is lost with it.
          if (stream.writeStatus === 'writable') send(data);
        }, delayMs);
        return true;
      };
      return stream;
    };
  });
  return {
    setDelay(ms) {
      delayMs = ms;
    },
  };
}
