/** A model as the library's list has it; only what is used here. */
export interface WebLlmModelRecord {
  model: string;
  model_id: string;
  model_lib: string;
  overrides?: { context_window_size?: number };
  required_features?: string[];
  /** 0 or absent: a language model. */
  model_type?: number;
  /** Present for packages of a newer form, which are not read here. */
  model_manifest?: string;
  vram_required_MB?: number;
}

/** What the library is told about a model beyond its package. */
export interface WebLlmModelSettings {
  context_window_size: number;
  sliding_window_size: number;
  attention_sink_size: number;
  temperature: number;
  top_p: number;
  repetition_penalty: number;
  frequency_penalty: number;
  presence_penalty: number;
}

export interface WebLlmProgress {
  /** 0 to 1; starts anew for fetching, loading and compiling. */
  readonly progress: number;
  readonly text: string;
}

/** Sees the logits of every `forwardTokensAndSample` on the CPU, before the library samples from them. */
export interface WebLlmLogitProcessor {
  processLogits(logits: Float32Array): Float32Array;
  processSampledToken(token: number): void;
  resetState(): void;
}

export interface WebLlmEngineConfig {
  appConfig: { model_list: WebLlmModelRecord[] };
  initProgressCallback: (report: WebLlmProgress) => void;
  logitProcessorRegistry: Map<string, WebLlmLogitProcessor>;
  logLevel: 'SILENT';
}

/** The library's engine: one model, one sequence, one call at a time. */
export interface WebLlmEngine {
  /** Resolves when loaded, or when `unload` gave it up in the middle. */
  reload(modelId: string, settings: Partial<WebLlmModelSettings>): Promise<void>;
  /** Appends `inputIds` to the sequence, gives the last position's logits to the processor, and samples. */
  forwardTokensAndSample(inputIds: number[], isPrefill: boolean): Promise<number>;
  /** Empties the sequence. */
  resetChat(keepStats: boolean): Promise<void>;
  /** Frees the GPU; nothing may be computing. */
  unload(): Promise<void>;
}

/** What is used of @mlc-ai/web-llm: the module itself is one. */
export interface WebLlmLibrary {
  readonly MLCEngine: new (config: WebLlmEngineConfig) => WebLlmEngine;
  readonly prebuiltAppConfig: { readonly model_list: readonly WebLlmModelRecord[] };
}

/** Fetches the library's code (6 MB) with the first call. */
export const importWebLlm = async (): Promise<WebLlmLibrary> => await import('@mlc-ai/web-llm');
