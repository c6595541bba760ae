import { fromWire, toWire } from '@opengateway/core';
import { transferHandlers } from 'comlink';
import type { WireError } from '@opengateway/core';
import type { TransferHandler } from 'comlink';

/** Makes errors keep name, code and retryability when a Comlink call throws; once on each side. */
export function keepErrorsTyped(): void {
  const original = transferHandlers.get('throw') as TransferHandler<unknown, unknown>;
  transferHandlers.set('throw', {
    canHandle: (value): value is unknown => original.canHandle(value),
    serialize: (thrown) => [toWire((thrown as { value: unknown }).value), []],
    deserialize: (wire) => {
      throw fromWire(wire as WireError);
    },
  });
}
