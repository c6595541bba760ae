import * as z from 'zod/mini';
import { ENGINE_KINDS } from '../inference/coordinator-types.ts';

const count = z.int().check(z.nonnegative(), z.maximum(2 ** 31 - 1));
const rate = z.number().check(z.nonnegative(), z.maximum(1e6));

/** Models of one peer, in memory and on disk. */
export const MAX_SERVED_MODELS = 8;

/** One model (or layer range of it) a peer serves. */
export const servedModelSchema = z.strictObject({
  id: z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,95}$/)),
  manifest: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** Half-open layer range `[start, end)`; empty where it is not chosen yet. */
  layers: z.tuple([count, count]),
  /** Of a peer that has yet to choose: how many layers it has room for. */
  fits: z.optional(count),
  engine: z.enum(ENGINE_KINDS),
  contextLength: count,
  /** Sequences computed at once, and how many of those places are free now. */
  slots: count,
  freeSlots: count,
  /** Sequences waiting for a place. */
  queued: count,
  /** Measured on this device; 0 before the self-test. Of what never ran there an estimate. */
  decodeTokensPerSecond: rate,
  prefillTokensPerSecond: rate,
  /** Whole, but on disk only: a request makes the peer load it first. Absent: in memory. */
  stored: z.optional(z.literal(true)),
  /** Of its weights; said where they are to be loaded first. */
  bytes: z.optional(z.int().check(z.nonnegative())),
});
export type ServedModel = z.infer<typeof servedModelSchema>;

/**
 * What a contributor says of itself on the membership topic every `ADVERT_INTERVAL_MS` and on change.
 * The signer (gossipsub's strict signature) is the peer; nothing in the body names it.
 */
export const advertSchema = z.strictObject({
  v: z.literal(1),
  /** Grows with every advert of one run; older ones are ignored. */
  sequence: count,
  /** Start of this run, milliseconds since the epoch: a restarted peer counts from 0 again. */
  run: z.int().check(z.nonnegative()),
  /** `loading` holds nothing yet, and says what it will hold, so that others do not load the same. */
  state: z.enum(['loading', 'serving', 'paused', 'leaving']),
  /** What it is, for people: `tab` or `node`. */
  kind: z.enum(['tab', 'node']),
  models: z.array(servedModelSchema).check(z.maxLength(MAX_SERVED_MODELS)),
});
export type Advert = z.infer<typeof advertSchema>;

export const ADVERT_INTERVAL_MS = 10_000;
/** Three missed adverts. */
export const ADVERT_TTL_MS = 30_000;
/** Largest encoded advert accepted: `MAX_SERVED_MODELS` models with names of usual length. */
export const MAX_ADVERT_BYTES = 2_560;
