import type { TokenLogprobs } from '../generation/sampling.ts';
import type { LayerRange, ManifestHash, PeerName, SessionId } from '../ids.ts';
import type { GenerateRequest } from './generator.ts';
import type { StageMessage } from './messages.ts';

/** What a coordinator asks of one stage. */
export interface SessionRequest extends GenerateRequest {
  readonly session: SessionId;
  readonly manifest: ManifestHash;
  readonly layers: LayerRange;
}

/** What a stage says, as `StageMessage` carries it. */
export type StageEvent =
  | Exclude<StageMessage, { type: 'token' }>
  | { readonly type: 'token'; readonly token: number; readonly logprobs?: TokenLogprobs | undefined };

/** The coordinator's end of one session, on the network or on this device. */
export interface StageSession {
  /**
   * What the stage says next. One call at a time; nothing is read ahead of it beyond a bounded amount.
   *
   * @throws `session_lost` (retryable), `malformed_message`, `message_too_large`, or the signal's reason
   * given to `OpenSession`.
   */
  next(): Promise<StageEvent>;
  /** Ends the session at once, whatever its state. Idempotent. */
  close(): void;
}

/** Opens a session with a peer; aborting the signal ends the session too. @throws as `StageSession.next`. */
export type OpenSession = (
  peer: PeerName,
  request: SessionRequest,
  options: { signal: AbortSignal },
) => Promise<StageSession>;
