import type { TokenLogprobs } from '../generation/sampling.ts';
import type { LayerRange, ManifestHash, PeerName, SessionId } from '../ids.ts';
import type { GenerateRequest } from './generator.ts';
import type { HiddenFormat } from './layer-runner.ts';
import type { StageMessage } from './messages.ts';

/** A stage's place among those that compute a model together. */
export interface ChainPlace {
  /** All stages in the order of their layers. */
  readonly peers: readonly PeerName[];
  readonly index: number;
  /** Of prompt and answer so far: `tokens` is empty at the stages inside. */
  readonly tokenCount: number;
  readonly format: HiddenFormat;
}

/** What a coordinator asks of one stage. */
export interface SessionRequest extends GenerateRequest {
  readonly session: SessionId;
  readonly manifest: ManifestHash;
  readonly layers: LayerRange;
  /** Absent where the stage holds the whole model. */
  readonly chain?: ChainPlace;
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
  /** Tells a stage of a chain that the answer is complete: it says `summary` and ends. */
  finish(): void;
  /** Ends the session at once, whatever its state. Idempotent. */
  close(): void;
}

/** Opens a session with a peer; aborting the signal ends the session too. @throws as `StageSession.next`. */
export type OpenSession = (
  peer: PeerName,
  request: SessionRequest,
  options: { signal: AbortSignal },
) => Promise<StageSession>;
