declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Public name of a model as clients write it, e.g. `smollm2-135m-instruct`. */
export type ModelId = Branded<string, 'ModelId'>;

/** A model's identity: lower-case hex sha256 of its manifest's canonical form. */
export type ManifestHash = Branded<string, 'ManifestHash'>;

/** A libp2p peer id in its text form. */
export type PeerName = Branded<string, 'PeerName'>;

/** One answer being computed, unique per coordinator; 1 to 64 characters of `[A-Za-z0-9_-]`. */
export type SessionId = Branded<string, 'SessionId'>;

/** Contiguous transformer layers, half-open: `[start, end)`. */
export interface LayerRange {
  readonly start: number;
  readonly end: number;
}

const MODEL_ID = /^[a-z0-9][a-z0-9._-]{0,95}$/;
const MANIFEST_HASH = /^[0-9a-f]{64}$/;
const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;

export const isModelId = (value: string): value is ModelId => MODEL_ID.test(value);
export const isManifestHash = (value: string): value is ManifestHash => MANIFEST_HASH.test(value);
export const isSessionId = (value: string): value is SessionId => SESSION_ID.test(value);

/** Whether `range` holds every layer of a model with `layerCount` layers. */
export const isWholeModel = (range: LayerRange, layerCount: number): boolean =>
  range.start === 0 && range.end === layerCount;

const LAYER_RANGE = /^(\d{1,4})-(\d{1,4})$/;

/** A half-open range as people write it: `0-14` is layers 0 to 13. Undefined where it is none. */
export function parseLayerRange(text: string): LayerRange | undefined {
  const match = LAYER_RANGE.exec(text);
  const range = { start: Number(match?.[1]), end: Number(match?.[2]) };
  return range.start < range.end ? range : undefined;
}
