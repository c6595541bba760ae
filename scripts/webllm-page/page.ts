import { DEFAULT_SAMPLING, decodeManifest, toWire, type GenerateRequest, type ModelPackage } from '@opengateway/core';
import { createEngineClient, createTextClient, locatePackage } from '@opengateway/gpu-worker';

export interface CheckRequest {
  /** Folder of the manifest and of the GGUF whose header has the tokenizer. */
  readonly filesUrl: string;
  /** Null: the `wasm` engine on the manifest's own files. */
  readonly package: ModelPackage | null;
  readonly prompt: string;
  readonly maxTokens: number;
}

export interface CheckReport {
  readonly engine: string;
  readonly variant: string;
  readonly weightBytes: number;
  readonly contextWindow: number;
  readonly loadMs: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly text: string;
  /** The same request and seed twice. */
  readonly sameSeedSameTokens: boolean;
  /** Tokens equal from the start when the second half is computed anew from prompt and first half. */
  readonly resumedEqualTokens: string;
  /** From giving up an answer to the engine being free. */
  readonly cancelMs: number;
  readonly answersAfterCancel: boolean;
  readonly storedBytes: number;
}

/** Loads the package in the real worker and has it answer as a contributor would. */
async function check(request: CheckRequest, onProgress: (line: string) => void): Promise<CheckReport> {
  const base = new URL(request.filesUrl, location.href).href;
  const response = await fetch(`${base}manifest.json`);
  const manifest = decodeManifest(new Uint8Array(await response.arrayBuffer()));
  const files = { kind: 'http', baseUrl: base } as const;
  const text = await createTextClient({ manifest, weights: files });
  const engine = createEngineClient();
  try {
    const loaded = await engine.load(
      {
        manifest,
        weights: request.package === null ? files : locatePackage(request.package, location.href),
        engine: request.package === null ? 'wasm' : 'webllm',
        layers: { start: 0, end: manifest.architecture.layerCount },
      },
      {
        onProgress: (progress) => {
          if (progress.type === 'weights-progress') onProgress(`${progress.doneBytes} of ${progress.totalBytes} bytes`);
        },
      },
    );
    const prompt = await text.encodeChat([{ role: 'user', content: request.prompt }]);
    const wanted = (seed: number, over: Partial<GenerateRequest> = {}): GenerateRequest => ({
      tokens: prompt,
      promptTokenCount: prompt.length,
      maxTokens: request.maxTokens,
      endTokens: text.endTokens,
      sampling: { ...DEFAULT_SAMPLING, temperature: 0.8, seed },
      ...over,
    });
    const answer = async (one: GenerateRequest) => {
      const tokens: number[] = [];
      for await (const event of engine.generator.generate(one, { signal: new AbortController().signal })) {
        if (event.type === 'token') tokens.push(event.token);
      }
      return tokens;
    };
    const first = await answer(wanted(1));
    const second = await answer(wanted(1));
    const half = first.slice(0, first.length >> 1);
    const resumed = await answer(
      wanted(1, { tokens: [...prompt, ...half], maxTokens: Math.max(1, request.maxTokens - half.length) }),
    );
    const rest = first.slice(half.length);
    const differing = rest.findIndex((token, index) => token !== resumed[index]);
    const cancelMs = await cancelInTheMiddle();
    const afterCancel = await answer(wanted(1));
    const decoder = new TextDecoder();
    const words = first.map((token) => decoder.decode(text.tokenBytes(token), { stream: true })).join('');
    const { storedBytes } = await engine.stats();
    return {
      engine: loaded.info.kind,
      variant: loaded.info.variant,
      weightBytes: loaded.info.weightBytes,
      contextWindow: Math.floor(loaded.info.kvBudgetBytes / loaded.info.kvBytesPerToken),
      loadMs: loaded.loadMs,
      decodeTokensPerSecond: loaded.decodeTokensPerSecond,
      prefillTokensPerSecond: loaded.prefillTokensPerSecond,
      promptTokens: prompt.length,
      answerTokens: first.length,
      text: words + decoder.decode(),
      sameSeedSameTokens: sameTokens(first, second),
      resumedEqualTokens: `${differing === -1 ? rest.length : differing} of ${rest.length}`,
      cancelMs,
      answersAfterCancel: sameTokens(first, afterCancel),
      storedBytes,
    };

    async function cancelInTheMiddle(): Promise<number> {
      const controller = new AbortController();
      let cancelledAt = 0;
      try {
        for await (const event of engine.generator.generate(wanted(2), { signal: controller.signal })) {
          if (event.type !== 'token') continue;
          cancelledAt = performance.now();
          controller.abort();
        }
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      }
      while ((await engine.stats()).usage.sequences > 0);
      return performance.now() - cancelledAt;
    }
  } finally {
    await text.close();
    await engine.unload();
    await engine.terminate();
  }
}

const sameTokens = (left: readonly number[], right: readonly number[]) => left.join() === right.join();

declare global {
  function runCheck(request: CheckRequest): Promise<CheckReport | { readonly error: ReturnType<typeof toWire> }>;
}
globalThis.runCheck = (request) =>
  check(request, (line) => console.info(line)).catch((error: unknown) => ({ error: toWire(error) }));
document.documentElement.dataset['ready'] = 'true';
