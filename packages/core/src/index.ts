export * from './bootstrap.ts';
export { clusterName, clusterTopic } from './capability/cluster.ts';
export * from './capability/profile.ts';
export * from './capability/qualify.ts';
export * from './capability/region.ts';
export * from './capability/tiers.ts';
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
export { samplingReach } from './generation/sampling-reach.ts';
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
export * from './inference/layer-runner.ts';
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
export { MIN_SHARE } from './contributor/constants.ts';
export { createPersistentContributor } from './contributor/persistent-contributor.ts';
export type { PersistentContributorComponents } from './contributor/persistent-contributor.ts';
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
export { modelPackageSchema } from './models/model-package.ts';
export type { ModelPackage } from './models/model-package.ts';
export { decodeManifest, parseManifest } from './models/parse-manifest.ts';
export * from './models/tensor-reader.ts';
export type { VerifiedChunk } from './models/verified-chunks.ts';
export * from './openai/index.ts';
export { chooseRange } from './placement/choose-range.ts';
export type { RangeChoice } from './placement/choose-range.ts';
export { partitionLayers } from './placement/partition-layers.ts';
export type { LayerShare, PartitionMember } from './placement/partition-layers.ts';
export { createRangeMemory, layersThatFit } from './placement/range-memory.ts';
export type { MemoryPledge, RangeMemory } from './placement/range-memory.ts';
export { shouldMove } from './placement/should-move.ts';
export type { SwarmMember } from './placement/swarm.ts';
export { expectedFinishMs } from './routing/expected-finish.ts';
export { explainPlan } from './routing/explain-plan.ts';
export { hopKey } from './routing/hop-key.ts';
export { planRoute } from './routing/plan-route.ts';
export type * from './routing/types.ts';
export { ChunkSet } from './weights/chunk-set.ts';
export { DEFAULT_UPLOAD_BYTES_PER_SECOND, MAX_CHUNKS_UNDER_WAY, WEIGHTS_PROTOCOL } from './weights/constants.ts';
export { createWeightsExchange } from './weights/exchange.ts';
export type {
  ServedWeightsExchange,
  WeightsExchangeComponents,
  WeightsExchangeInit,
} from './weights/exchange.ts';
export type { PeerAccount } from './weights/ledger.ts';
export { numberChunks } from './weights/model-chunks.ts';
export type { FileChunk, ModelChunks } from './weights/model-chunks.ts';
export * from './weights/types.ts';
export { decodeMessage, encodeMessage } from './wire/codec.ts';
export * from './wire/errors.ts';
export * from './wire/limits.ts';
