/**
 * Resolves after messages that wait now had their turn.
 *
 * Never a timer or an animation frame: a hidden tab delays those to a second or more.
 */
export const yieldToMessages: () => Promise<void> =
  typeof setImmediate === 'function' ? () => new Promise((resolve) => setImmediate(resolve)) : createPortYield();

function createPortYield(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.addEventListener('message', () => waiting.shift()?.());
  port1.start();
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port2.postMessage(null);
    });
}
