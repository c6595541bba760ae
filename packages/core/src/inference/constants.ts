import { FRAME_HEADER_BYTES, MAX_HIDDEN_PAYLOAD_BYTES } from '../wire/limits.ts';

/** Sessions one coordinator may have open on a stage: a relay speaks for many users, a tab for one. */
export const MAX_SESSIONS_PER_PEER = 64;

/** Sessions open on a stage in all; each may hold one `open` of half a megabyte. */
export const MAX_SESSIONS = 128;

/** From stream to complete `open`: half a megabyte on a slow uplink. */
export const FIRST_MESSAGE_TIMEOUT_MS = 10_000;

/** Tokens a stage computes ahead of what its coordinator has taken. */
export const INITIAL_CREDIT_TOKENS = 256;

/** Credit is given back in pieces of this size, not per token. */
export const CREDIT_STEP_TOKENS = 64;

/** Most credit a stage lets pile up: beyond it the coordinator is not honest. */
export const MAX_CREDIT_TOKENS = 1_048_576;

/** A coordinator that takes nothing for this long loses its place; it may come again with the tokens so far. */
export const STALLED_READER_TIMEOUT_MS = 30_000;

/** Longest silence of an engine that a stage covers with heartbeats; after it the engine counts as dead. */
export const GENERATOR_SILENCE_TIMEOUT_MS = 60_000;

/** How long coordinators get to take a `leaving` before their streams are reset. */
export const LEAVE_GRACE_MS = 1_000;

/** From opening a session to its first word (`accepted` or a heartbeat): connection, half a megabyte, one beat. */
export const FIRST_WORD_TIMEOUT_MS = 10_000;

/** Least silence that counts as a loss: five missed heartbeats. */
export const MIN_SILENCE_TIMEOUT_MS = 5_000;

/** Most silence waited through, however slow the peer has been. */
export const MAX_SILENCE_TIMEOUT_MS = 20_000;

/** How many times the longest gap seen or expected a peer may be silent. */
export const SILENCE_FACTOR = 5;

/** Most a stage is waited for while its prefill stands still: so many times what its advert lets expect of all of it. */
export const PREFILL_ALLOWANCE_FACTOR = 10;
export const MIN_PREFILL_ALLOWANCE_MS = 30_000;
export const MAX_PREFILL_ALLOWANCE_MS = 300_000;

/** Prefill in all, in such allowances: one that advances by a token at a time ends too. */
export const PREFILL_ALLOWANCES_IN_ALL = 4;

/**
 * Most a stage is waited for between two tokens: so many times what its advert lets expect, at least as long as
 * a device may need that computes a long prompt beside.
 */
export const TOKEN_ALLOWANCE_FACTOR = 20;
export const MIN_TOKEN_ALLOWANCE_MS = 10_000;
export const MAX_TOKEN_ALLOWANCE_MS = 120_000;

/** Least that each token gives back of that allowance: one token per second, as software GPUs make, is half of it. */
export const MIN_TOKEN_GAP_ALLOWANCE_MS = 2_000;

/** Sessions lost one after another without a single new token before a request fails. */
export const MAX_ATTEMPTS_WITHOUT_PROGRESS = 6;

/** Peers that must say the same of a request, or of a peer, before it counts as at fault. */
export const MIN_ACCUSERS = 2;

/** Sessions lost by one request in all: even a thousand-token answer over dying tabs stays below. */
export const MAX_FAILOVERS = 64;

/** How long a request that lost its last peer waits for another to appear. */
export const REROUTE_WAIT_MS = 20_000;

/** Requests of one coordinator that wait while every peer is full. */
export const MAX_WAITING_REQUESTS = 64;

/** How long one of them waits. */
export const MAX_CAPACITY_WAIT_MS = 60_000;

/** A waiting request asks again at least this often: adverts may be lost. */
export const CAPACITY_RETRY_MS = 1_000;

/**
 * How long a peer that was lost is chosen only if there is no other; doubles with every loss in a row. As
 * long as an advert lives: a peer that is dead and not known to be costs one request, not one per penalty.
 */
export const BASE_PENALTY_MS = 30_000;
export const MAX_PENALTY_MS = 120_000;

/** Penalised peers remembered; the one whose penalty ends first is forgotten. */
export const MAX_PENALISED_PEERS = 1_024;

/** Ended sessions remembered until the peer's next advert leaves them out. */
export const MAX_REMEMBERED_SESSIONS = 1_024;

/**
 * Payload on its way between two stages that was not taken up yet; before the receiver knows the session, one
 * frame. A data channel cannot hold its sender back, so the stages do it themselves.
 */
export const LINK_WINDOW_BYTES = 524_288;

/** Payload taken before it is said so: decode, with its small frames, says it every hundredth token. */
export const LINK_TAKEN_STEP_BYTES = 131_072;

/** Bytes of a link that nobody has asked for: one frame, which is all that may be sent before it is. */
export const MAX_UNASKED_LINK_BYTES = MAX_HIDDEN_PAYLOAD_BYTES + FRAME_HEADER_BYTES;

/** Bytes held of a link before its stream is paused: the largest frame, with the first message. */
export const LINK_READ_AHEAD_BYTES = MAX_HIDDEN_PAYLOAD_BYTES + 1_024;

/**
 * Ways that neighbours opened before the coordinator's word came: it may take longer than they. As many more that do
 * not say yet whose they are.
 */
export const MAX_PARKED_LINKS = 128;
export const MAX_PARKED_LINKS_PER_PEER = 32;

/** How long such a way is kept, its first message included. */
export const PARKED_LINK_TIMEOUT_MS = 15_000;

/** From `open` until the ways to both neighbours stand: a direct dial that fails, and then one through the relay. */
export const LINK_TIMEOUT_MS = 13_000;

/**
 * The first word of a stage of a chain comes when its ways stand, or when it gave up on them: after the dial to it
 * (`DIRECT_DIAL_TIMEOUT_MS`), `LINK_TIMEOUT_MS`, and what the words take on their way.
 */
export const CHAIN_FIRST_WORD_TIMEOUT_MS = 25_000;

/** A neighbour that ended in order may be ahead of the coordinator's word by this much. */
export const LINK_END_GRACE_MS = 1_000;

/**
 * How long a stage of a chain waits for what its neighbour is to send or to take, while the prompt is read: as long
 * as the most patient coordinator waits for any progress of the whole chain, and as long in all. An honest one has
 * given up before; who never does would hold a place for ever.
 */
export const NEIGHBOUR_PREFILL_TIMEOUT_MS = 300_000;
export const NEIGHBOUR_PREFILL_IN_ALL_MS = 1_200_000;

/** The same once tokens are made. */
export const NEIGHBOUR_TOKEN_TIMEOUT_MS = 120_000;

/** How long other signs of who was lost are gathered after a stage complained of its neighbour. */
export const BLAME_GRACE_MS = 150;

/** How long the stages get to tell their timing when the answer is complete. */
export const SUMMARY_WAIT_MS = 500;

/** Ways between peers whose round trip a coordinator remembers. */
export const MAX_KNOWN_HOPS = 4_096;

/** How long it counts: one slow moment must not ban a way for good, as a banned way is never measured again. */
export const HOP_TIME_LIFE_MS = 60_000;

/** What stages said of each other: how long it counts, and how many such ways are remembered. */
export const BROKEN_WAY_LIFE_MS = 300_000;
export const MAX_BROKEN_WAYS = 1_024;

/** Answers that peers gave up for no fault: how long one counts, and how many peers are remembered. */
export const EXCUSE_LIFE_MS = 600_000;
export const MAX_REMEMBERED_EXCUSES = 1_024;

/** Times that a peer's neighbours may complain of it, or it of them, before a request does without it. */
export const MAX_COMPLAINTS = 2;
