import type { ChunkOrigin, WireError } from '@opengateway/core';

/**
 * Between the worker, which keeps and reads chunks, and the page, which trades them with peers and the server. Chunks
 * are numbered as `numberChunks` does; their arrays are transferred, never copied.
 */
export type WorkerWeightsMessage =
  /** First and once. Bitmaps of `ChunkSet`: what to fetch, and what is here. */
  | { readonly type: 'join'; readonly wanted: Uint8Array; readonly kept: Uint8Array }
  /** A reader waits for it. */
  | { readonly type: 'want'; readonly chunk: number }
  /** Kept until now, and gone or gone bad. */
  | { readonly type: 'lose'; readonly chunk: number }
  /** There is no room to keep more. */
  | { readonly type: 'fetch-only-wanted' }
  /** Answers `chunk`; its array comes back to be used again. */
  | { readonly type: 'taken'; readonly chunk: number; readonly kept: boolean; readonly buffer: ArrayBuffer }
  /** Answers `read`; undefined where it is not here. */
  | { readonly type: 'bytes'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> | undefined };

export type PageWeightsMessage =
  /** A verified chunk. */
  | {
      readonly type: 'chunk';
      readonly chunk: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly origin: ChunkOrigin;
    }
  /** A peer is to be given it. */
  | { readonly type: 'read'; readonly id: number; readonly chunk: number }
  /** Nobody has what lacks. */
  | { readonly type: 'unavailable'; readonly error: WireError };
