import { regionName } from '@opengateway/core';

const ENGINE_WORDS: Readonly<Record<string, string>> = {
  wasm: 'CPU (wasm)',
  webgpu: 'GPU (webgpu)',
  webllm: 'GPU (webllm)',
  reference: 'CPU (reference)',
};

/** The part of a peer id that tells peers apart: its last six characters (the first ones are the same for all). */
export const shortPeer = (peer: string): string => (peer.length > 10 ? `…${peer.slice(-6)}` : peer);

/** What computes, in words a person knows. */
export const engineWords = (engine: string): string => ENGINE_WORDS[engine] ?? engine;

/** A region's slug as a heading: `north-america` becomes `North America`, one that is not on the map `Local`. */
export const regionWords = (region: string): string => {
  const name = regionName(region);
  return name.charAt(0).toUpperCase() + name.slice(1);
};
