import { toWire } from '@opengateway/core';
import type { SequenceControl, SequenceMessage, SequenceState } from '../api.ts';
import type { GenerationHandle, LayerHandle } from '../scheduler/types.ts';

/** Either kind of sink the scheduler takes. */
interface SequenceSink<Event> {
  emit(event: Event, state: SequenceState): void;
  fail(error: unknown): void;
}

/** The worker's end of one sequence: what `begin` starts speaks over `port` until it ended, failed or was cancelled. */
export function serveSequence<Event extends { readonly type: string; readonly payload?: Uint8Array<ArrayBuffer> }>(
  port: MessagePort,
  begin: (sink: SequenceSink<Event>) => GenerationHandle & Partial<LayerHandle>,
): void {
  const post = (message: SequenceMessage<Event>, transferred: Transferable[] = []) =>
    port.postMessage(message, transferred);
  const fail = (error: unknown) => {
    post({ type: 'error', error: toWire(error) });
    port.close();
  };
  let handle: GenerationHandle & Partial<LayerHandle>;
  try {
    handle = begin({
      emit: (event, state) => {
        post({ type: 'event', event, ...state }, event.payload === undefined ? [] : [event.payload.buffer]);
        if (event.type === 'end') port.close();
      },
      fail,
    });
  } catch (error) {
    fail(error);
    return;
  }
  port.addEventListener('message', ({ data }: MessageEvent<SequenceControl>) => {
    if (data.type === 'credit') {
      handle.grant(data.events);
    } else if (data.type === 'input') {
      handle.give?.(data.input);
    } else {
      handle.cancel();
      port.close();
    }
  });
  port.start();
}
