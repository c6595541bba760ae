import { importWebLlm, type WebLlmLibrary } from './library.ts';
import { isServable } from './package.ts';

/** A model of the library's own list. */
export interface PrebuiltModel {
  /** What a catalogue entry's `package.prebuilt` names it by. */
  readonly prebuilt: string;
  readonly modelUrl: string;
  readonly modelLibUrl: string;
  readonly contextWindow: number | null;
  /** As the library tells it: weights and cache at its own window. */
  readonly gpuMemoryBytes: number | null;
  readonly needsHalfPrecision: boolean;
}

/** The library's own list: the text models that are served here. Fetches the library (6 MB). */
export async function listPrebuiltModels(
  library: () => Promise<WebLlmLibrary> = importWebLlm,
): Promise<readonly PrebuiltModel[]> {
  const { prebuiltAppConfig } = await library();
  return prebuiltAppConfig.model_list.filter(isServable).map((record) => ({
    prebuilt: record.model_id,
    modelUrl: record.model,
    modelLibUrl: record.model_lib,
    contextWindow: record.overrides?.context_window_size ?? null,
    gpuMemoryBytes: record.vram_required_MB === undefined ? null : Math.round(record.vram_required_MB * 1e6),
    needsHalfPrecision: record.required_features?.includes('shader-f16') ?? record.model_id.includes('f16'),
  }));
}
