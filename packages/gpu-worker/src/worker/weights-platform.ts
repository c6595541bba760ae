import type { ModelManifest, TensorReader } from '@opengateway/core';
import type { WeightsLocation } from '../api.ts';

export interface OpenedWeights {
  readonly reader: TensorReader;
  /** Bytes that came over the network since this was opened. */
  fetchedBytes(): number;
  close(): Promise<void>;
}

/** Where this host keeps weights: OPFS in a browser, a folder in Node. */
export interface WeightsPlatform {
  open(manifest: ModelManifest, location: WeightsLocation): Promise<OpenedWeights>;
  /** Bytes of weights kept here. */
  storedBytes(): Promise<number>;
  /** Removes all weights kept here. */
  forget(): Promise<void>;
}
