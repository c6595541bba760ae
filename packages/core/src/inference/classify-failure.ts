import { errorCode } from '../errors.ts';

/** What a coordinator does about a failed session. */
export interface FailureVerdict {
  /** `fail` passes the error on, `busy` tries the next peer, `elsewhere` goes on without this one. */
  readonly action: 'fail' | 'busy' | 'elsewhere';
  /** Whether the peer is to blame, and chosen last for a while. */
  readonly penalise: boolean;
  /** Whether the peer says that the request is at fault: believed only when a second one says the same. */
  readonly accuses: boolean;
  /** Whether it is nobody's fault, as far as this once can tell. */
  readonly excuses: boolean;
}

const NOBODYS: Omit<FailureVerdict, 'action'> = { penalise: false, accuses: false, excuses: false };

/** The peer has no place now; another may. */
const BUSY_CODES: ReadonlySet<string | undefined> = new Set(['engine_busy', 'kv_cache_full', 'too_many_sequences']);

/** What this side has checked already: whoever says so is most likely wrong. */
const ACCUSING_CODES: ReadonlySet<string | undefined> = new Set([
  'context_length_exceeded',
  'malformed_message',
  'message_too_large',
  'protocol_violation',
]);

/** Nobody's fault, as far as one side can know. */
const BLAMELESS_CODES: ReadonlySet<string | undefined> = new Set([
  'consumer_stalled',
  'invalid_logits',
  'model_not_served',
  'next_stage_lost',
  'previous_stage_lost',
  'reader_stalled',
  'stage_leaving',
]);

/** What the coordinator itself finds wrong with a peer. */
const LOSS_CODES: ReadonlySet<string | undefined> = new Set([
  'malformed_message',
  'message_too_large',
  'protocol_violation',
  'session_lost',
  'stage_silent',
  'stage_stalled',
]);

/** An `error` that a stage sent: a stranger's word, so never final by itself. */
export function classifyReported(error: unknown): FailureVerdict {
  const code = errorCode(error);
  if (BUSY_CODES.has(code)) return { ...NOBODYS, action: 'busy' };
  if (ACCUSING_CODES.has(code)) return { ...NOBODYS, action: 'elsewhere', penalise: true, accuses: true };
  // A token made up by a peer before it makes an honest one refuse the sequence: no reason to blame that one.
  if (code === 'invalid_generation') return { ...NOBODYS, action: 'elsewhere', accuses: true, excuses: true };
  const excuses = BLAMELESS_CODES.has(code);
  return { ...NOBODYS, action: 'elsewhere', penalise: !excuses, excuses };
}

/** An error met while talking to a stage. One that is no loss of the peer is a fault of this side. */
export function classifyLoss(error: unknown): FailureVerdict {
  const code = errorCode(error);
  if (code === 'stage_leaving') return { ...NOBODYS, action: 'elsewhere', excuses: true };
  return LOSS_CODES.has(code) ? { ...NOBODYS, action: 'elsewhere', penalise: true } : { ...NOBODYS, action: 'fail' };
}
