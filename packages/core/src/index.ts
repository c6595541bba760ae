export * from './bootstrap.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './completion/completions.ts';
export { DEFAULT_MAX_TOKENS } from './completion/constants.ts';
export * from './completion/errors.ts';
export * from './completion/types.ts';
export { MAX_STOP_SEQUENCE_CHARS, MAX_STOP_SEQUENCES } from './generation/constants.ts';
export * from './generation/errors.ts';
export { derivedSeed } from './generation/gumbel-noise.ts';
export { createLocalTextCodec, createPromptEncoder } from './generation/prompt-encoder.ts';
export type { PromptEncoder } from './generation/prompt-encoder.ts';
export * from './generation/sampler.ts';
export * from './generation/sampling.ts';
export * from './generation/text-codec.ts';
export { tokenPiece } from './generation/token-pieces.ts';
export type { TokenPieces } from './generation/token-pieces.ts';
export { createCoordinator } from './inference/coordinator.ts';
export type {
  CoordinatorComponents,
  CoordinatorInit,
  CoordinatorStats,
  LocalStage,
  MeasuredCoordinator,
} from './inference/coordinator.ts';
export * from './inference/coordinator-types.ts';
export * from './inference/errors.ts';
export * from './inference/generator.ts';
export type { StructuredLogger } from './inference/logger.ts';
export { INFERENCE_PROTOCOL } from './inference/messages.ts';
export { createStage } from './inference/stage.ts';
export type { Stage, StageComponents, StageInit } from './inference/stage.ts';
export type { OpenSession, SessionRequest, StageEvent, StageSession } from './inference/stage-session.ts';
export { createContributor } from './contributor/contributor.ts';
export type { ContributorComponents, ContributorInit } from './contributor/contributor.ts';
export type * from './contributor/engine.ts';
export * from './contributor/errors.ts';
export { createManifestFetcher, loadManifest } from './contributor/fetch-manifest.ts';
export type { FetchManifest } from './contributor/fetch-manifest.ts';
export * from './contributor/types.ts';
export * from './membership/advert.ts';
export { MAX_PEERS, MIN_ADVERT_GAP_MS } from './membership/constants.ts';
export { createPeerRegistry } from './membership/peer-registry.ts';
export type { OfferOutcome, PeerRegistryInit, PeerRegistryWriter } from './membership/peer-registry.ts';
export * from './membership/peer-view.ts';
export { membershipTopic } from './membership/topics.ts';
export * from './models/dequantize.ts';
export { canonicalManifest, manifestHash } from './models/canonical-manifest.ts';
export { chunkCount, chunkLength, hashChunks, sha256Hex, verifyChunk } from './models/chunk-hash.ts';
export type { ChunkSource, ReadChunkOptions } from './models/chunk-source.ts';
export * from './models/create-tensor-reader.ts';
export { MAX_MANIFEST_BYTES } from './models/constants.ts';
export * from './models/errors.ts';
export * from './models/gguf/index.ts';
export { createHeaderSource } from './models/header-source.ts';
export { expectedTensors } from './models/expected-tensors.ts';
export * from './models/layer-chunks.ts';
export * from './models/manifest.ts';
export { decodeManifest, parseManifest } from './models/parse-manifest.ts';
export * from './models/tensor-reader.ts';
export type { VerifiedChunk } from './models/verified-chunks.ts';
export * from './openai/index.ts';
export { expectedFinishMs } from './routing/expected-finish.ts';
export { planRoute } from './routing/plan-route.ts';
export type { PlannedRoute, Rejection, RoutePlan } from './routing/plan-route.ts';
export { decodeMessage, encodeMessage } from './wire/codec.ts';
export * from './wire/errors.ts';
export * from './wire/limits.ts';
