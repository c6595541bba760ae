import { CHUNK_BYTES } from '../models/manifest.ts';
import { MAX_SPARE_BUFFERS } from './constants.ts';

/** Arrays of one chunk, used again and again: a model's worth of garbage would double the process. */
export interface SpareBuffers {
  take(): Uint8Array<ArrayBuffer>;
  /** Any view of one that is not used any more; another array is left to the collector. */
  give(view: Uint8Array<ArrayBuffer>): void;
  /** Keeps none. */
  clear(): void;
}

export function createSpareBuffers(): SpareBuffers {
  const spare: ArrayBuffer[] = [];
  return {
    take: () => new Uint8Array(spare.pop() ?? new ArrayBuffer(CHUNK_BYTES)),
    give({ buffer }) {
      if (buffer.byteLength === CHUNK_BYTES && spare.length < MAX_SPARE_BUFFERS) spare.push(buffer);
    },
    clear() {
      spare.length = 0;
    },
  };
}
