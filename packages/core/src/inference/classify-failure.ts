import { errorCode } from '../errors.ts';

/** What a coordinator does about a failed session. */
export interface FailureVerdict {
  /** `fail` passes the error on, `busy` tries the next peer, `elsewhere` goes on without this one. */
  readonly action: 'fail' | 'busy' | 'elsewhere';
  /** Whether the peer is to blame, and chosen last for a while. */
  readonly penalise: boolean;
}

/** The peer has no place now; another may. */
const BUSY_CODES: ReadonlySet<string | undefined> = new Set(['engine_busy', 'kv_cache_full', 'too_many_sequences']);

/** The request itself is at fault: it fails the same way everywhere. */
const FINAL_CODES: ReadonlySet<string | undefined> = new Set([
  'context_length_exceeded',
  'malformed_message',
  'message_too_large',
  'protocol_violation',
]);

/** Nobody's fault. */
const BLAMELESS_CODES: ReadonlySet<string | undefined> = new Set([
  'stage_leaving',
  'model_not_served',
  'reader_stalled',
]);

/** What the coordinator itself finds wrong with a peer. */
const LOSS_CODES: ReadonlySet<string | undefined> = new Set([
  'session_lost',
  'stage_silent',
  'malformed_message',
  'message_too_large',
  'protocol_violation',
]);

/** An `error` that a stage sent. One that nobody classified is that device's own trouble: others may do better. */
export function classifyReported(error: unknown): FailureVerdict {
  const code = errorCode(error);
  if (BUSY_CODES.has(code)) return { action: 'busy', penalise: false };
  if (FINAL_CODES.has(code)) return { action: 'fail', penalise: false };
  return { action: 'elsewhere', penalise: !BLAMELESS_CODES.has(code) };
}

/** An error met while talking to a stage. One that is no loss of the peer is a fault of this side. */
export function classifyLoss(error: unknown): FailureVerdict {
  const code = errorCode(error);
  if (code === 'stage_leaving') return { action: 'elsewhere', penalise: false };
  return LOSS_CODES.has(code) ? { action: 'elsewhere', penalise: true } : { action: 'fail', penalise: false };
}
