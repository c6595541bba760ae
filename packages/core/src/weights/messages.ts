import * as z from 'zod/mini';
import { MAX_ADDED_CHUNKS, MAX_HAVE_BYTES, MAX_MODEL_CHUNKS, PIECE_BYTES } from './constants.ts';
import { CHUNK_BYTES } from '../models/manifest.ts';

const chunk = z.int().check(z.nonnegative(), z.maximum(MAX_MODEL_CHUNKS - 1));

/** First message of who opened the stream. */
export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  v: z.literal(1),
  /** Manifest hash. */
  manifest: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});

/** What it says after that. */
export const wantMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('want'), chunk }),
  /** Answered by `refused`, unless the chunk's last piece was sent before. */
  z.strictObject({ type: z.literal('cancel'), chunk }),
]);

/** What the other side says: `have` first and once. */
export const shareMessageSchema = z.discriminatedUnion('type', [
  /** Bitmap as `ChunkSet` encodes it. */
  z.strictObject({
    type: z.literal('have'),
    bits: z.instanceof(Uint8Array).check(z.refine((bits) => bits.byteLength <= MAX_HAVE_BYTES)),
  }),
  z.strictObject({
    type: z.literal('added'),
    chunks: z.array(chunk).check(z.minLength(1), z.maxLength(MAX_ADDED_CHUNKS)),
  }),
  /** Ends a `want` without its chunk. */
  z.strictObject({ type: z.literal('refused'), chunk, cancelled: z.boolean() }),
  /** `bytes` raw bytes follow it, which belong at `at` of the chunk. Pieces of one chunk come in order. */
  z.strictObject({
    type: z.literal('piece'),
    chunk,
    at: z.int().check(z.nonnegative(), z.maximum(CHUNK_BYTES)),
    bytes: z.int().check(z.positive(), z.maximum(PIECE_BYTES)),
  }),
]);
export type ShareMessage = z.infer<typeof shareMessageSchema>;
