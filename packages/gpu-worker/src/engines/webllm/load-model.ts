import { GpuUnavailableError } from '../webgpu/errors.ts';
import { classifyFailure } from './classify-failure.ts';
import { GpuFeatureMissingError, WebLlmFailedError } from './errors.ts';
import { watchGpu, type WatchedGpu } from './gpu-watch.ts';
import { LogitsTap } from './logits-tap.ts';
import type { GpuDevice } from '../webgpu/device.ts';
import type { WebLlmEngine, WebLlmLibrary, WebLlmModelRecord, WebLlmModelSettings } from './library.ts';
import type { PackageDescription } from './package.ts';

/** The library with a model in it. */
export interface LoadedLibrary {
  readonly engine: WebLlmEngine;
  readonly tap: LogitsTap;
  readonly gpu: GpuDevice;
}

export interface LoadModelInit {
  readonly record: WebLlmModelRecord;
  readonly description: PackageDescription;
  readonly contextWindow: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly fetchWeights?: (() => Promise<void>) | undefined;
}

/** The library samples as well, unheard; these keep that as cheap and as safe as it can be. */
const UNHEARD_SAMPLING = {
  temperature: 1,
  top_p: 0.95,
  repetition_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
} as const;

/**
 * Loads a package through the library. One at a time per `gpu`.
 *
 * @throws what `classifyFailure` makes of it, or the signal's reason; the library has let go of everything then.
 */
export async function loadModel(
  { MLCEngine }: WebLlmLibrary,
  gpu: WatchedGpu,
  { record, description, contextWindow, signal, onProgress, fetchWeights }: LoadModelInit,
): Promise<LoadedLibrary> {
  const features = new Set([
    ...(record.required_features ?? []),
    ...(description.computesInHalf ? ['shader-f16'] : []),
  ]);
  await requireFeatures(gpu, features);
  signal?.throwIfAborted();
  await fetchWeights?.();
  signal?.throwIfAborted();
  const tap = new LogitsTap();
  const countBytes = byteCounter(description.weightBytes, onProgress);
  let finished = false;
  const engine = new MLCEngine({
    appConfig: { model_list: [{ ...record, required_features: [...features] }] },
    logitProcessorRegistry: new Map([[record.model_id, tap]]),
    initProgressCallback: (report) => {
      finished ||= report.text.startsWith('Finish loading');
      countBytes(report);
    },
    logLevel: 'SILENT',
  });
  const settings: WebLlmModelSettings = {
    ...UNHEARD_SAMPLING,
    context_window_size: contextWindow,
    sliding_window_size: -1,
    attention_sink_size: -1,
  };
  // Makes the library drop what it fetches; `reload` then ends one way or another.
  const giveUp = () => void engine.unload().catch(() => {});
  const watch = watchGpu(gpu);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await engine.reload(record.model_id, settings);
    signal?.throwIfAborted();
    // A fetch that was aborted from elsewhere ends `reload` as if all were well.
    if (!finished) throw new WebLlmFailedError('it stopped loading before it was done.');
    const device = watch.device;
    if (device === null) throw new GpuUnavailableError('WebLLM found no GPU.');
    device.throwIfFailed(0);
    onProgress?.(description.weightBytes, description.weightBytes);
    return { engine, tap, gpu: device };
  } catch (error) {
    const failure = gpuFault(watch.device) ?? classifyFailure(error);
    watch.device?.release();
    // It may be half loaded; that it fails once more says nothing new.
    await engine.unload().catch(() => {});
    // The library frees only what it finished.
    watch.device?.device.destroy();
    throw signal?.aborted ? signal.reason : failure;
  } finally {
    watch.stop();
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Refused here rather than by the library: it looks only after it has fetched code, and not at every package. */
async function requireFeatures(gpu: WatchedGpu, features: ReadonlySet<string>): Promise<void> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new GpuUnavailableError('The browser lets no page use the GPU here.');
  for (const feature of features) {
    if (!adapter.features.has(feature)) throw new GpuFeatureMissingError(feature);
  }
}

/** What the GPU itself said, which is nearer to the cause than what the library made of it. */
function gpuFault(device: GpuDevice | null): unknown {
  try {
    device?.throwIfFailed(0);
    return null;
  } catch (fault) {
    return fault;
  }
}

/**
 * The library counts 0 to 1 for each of fetching, uploading and compiling: the first that moves is shown,
 * and the last byte is kept back until all are done.
 */
function byteCounter(
  totalBytes: number,
  onProgress: LoadModelInit['onProgress'],
): (report: { progress: number }) => void {
  let shown = 0;
  return ({ progress }) => {
    const done = Math.min(totalBytes - 1, Math.floor(progress * totalBytes));
    if (!(done > shown)) return;
    shown = done;
    onProgress?.(done, totalBytes);
  };
}
