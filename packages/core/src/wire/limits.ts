/** Longest prompt with answer so far a stage is ever asked to continue; the longest context in common use. */
export const MAX_CONTEXT_TOKENS = 131_072;

/** Bytes of one token id on the wire: 32 bits, little-endian. */
export const TOKEN_BYTES = 4;

/** The rest of an `open` beside its tokens: sampler, 300 logit biases, identities. */
const OPEN_OVERHEAD_BYTES = 65_536;

/** Largest first message of a session. */
export const MAX_OPEN_BYTES = MAX_CONTEXT_TOKENS * TOKEN_BYTES + OPEN_OVERHEAD_BYTES;

/** Largest later message of a coordinator (`credit`, `cancel`). */
export const MAX_COORDINATOR_MESSAGE_BYTES = 1_024;

/** Largest message of a stage: a token with 20 alternatives is under 1 KiB, an error message under 2 KiB. */
export const MAX_STAGE_MESSAGE_BYTES = 16_384;

/** Bytes a length prefix may take: 4 x 7 bits cover every cap above. */
export const MAX_LENGTH_PREFIX_BYTES = 4;

/** Most end tokens of one request; a manifest allows 16. */
export const MAX_END_TOKENS = 16;

/** Least log-probability on the wire, as OpenAI writes "never": CBOR carries no infinities here. */
export const MIN_LOGPROB = -9_999;

/** Positions of one frame of hidden states: more than any engine computes at once for a running prompt. */
export const MAX_FRAME_POSITIONS = 256;

/** Payload of a frame of several positions: small against a link's window, so that stages overlap in prefill. */
export const MAX_HIDDEN_PAYLOAD_BYTES = 262_144;

/** Header of a frame between stages. */
export const FRAME_HEADER_BYTES = 24;

/** First message on a way between two stages: two identities. */
export const MAX_LINK_HELLO_BYTES = 512;
