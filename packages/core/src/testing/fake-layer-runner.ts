import { OpenGatewayError } from '../errors.ts';
import { HIDDEN_VALUE_BYTES } from '../inference/layer-runner.ts';
import { MAX_FRAME_POSITIONS } from '../wire/limits.ts';
import { fakeNextToken } from './fake-generator.ts';
import { FAKE_MODEL_SHAPE, FakeDigest, FakeLayers, fakeEmbedding } from './fake-layer-model.ts';
import type { LayerRange } from '../ids.ts';
import type {
  HiddenFormat,
  HiddenStates,
  LayerEvent,
  LayerInput,
  LayerRequest,
  LayerRunner,
  LayerSequence,
  LayerTiming,
  ModelShape,
} from '../inference/layer-runner.ts';

export interface FakeLayerRunnerInit {
  /** Of what model. @default FAKE_MODEL_SHAPE */
  readonly shape?: ModelShape;
  /** @default all layers of `shape` */
  readonly layers?: LayerRange;
  /** The answer ends with `stop` where the next token would be a multiple of this. @default never */
  readonly stopEvery?: number;
  /** Positions of the prompt that the first stage computes and tells at once. @default 4 */
  readonly chunkPositions?: number;
  /** Inputs that wait uncomputed before `give` makes its caller wait. @default 4 */
  readonly maxWaiting?: number;
  /** Awaited before the first event: a place for `engine_busy`. */
  readonly onStart?: (request: LayerRequest) => Promise<void>;
  /** Awaited before each piece is computed: delays or stalls it there; throwing fails the sequence. */
  readonly beforeCompute?: (context: {
    readonly request: LayerRequest;
    readonly position: number;
    readonly count: number;
    readonly signal: AbortSignal;
  }) => Promise<void>;
}

/**
 * Part of a model that is none. Over any split of the layers a request gets the tokens that `fakeAnswer` tells and
 * `FakeGenerator` makes, as long as every hidden value and every token arrives, once, in order and unchanged; and
 * other ones from the first that does not. Hidden values survive 16-bit floats. Computes only when pulled.
 */
export class FakeLayerRunner implements LayerRunner {
  /** Every request seen, in order. */
  readonly requests: LayerRequest[] = [];
  /** Everything given, of all sequences. */
  readonly given: LayerInput[] = [];
  /** Sequences whose events are being pulled. */
  running = 0;
  /** Sequences that ended by their signal. */
  aborted = 0;
  readonly shape: ModelShape;
  readonly layers: LayerRange;
  readonly #init: FakeLayerRunnerInit;

  constructor(init: FakeLayerRunnerInit = {}) {
    this.#init = init;
    this.shape = init.shape ?? FAKE_MODEL_SHAPE;
    this.layers = init.layers ?? { start: 0, end: this.shape.layerCount };
  }

  run(request: LayerRequest, { signal }: { signal: AbortSignal }): LayerSequence {
    this.requests.push(request);
    const inputs = new Inputs(this.#init.maxWaiting ?? 4, signal);
    const timing = { prefillMs: 0, decodeMs: 0, decodeSteps: 0 };
    return {
      events: this.#events(request, inputs, timing, signal),
      give: (input) => {
        this.given.push(input);
        return inputs.give(taken(input));
      },
      timing: () => ({ ...timing }),
    };
  }

  async *#events(
    request: LayerRequest,
    inputs: Inputs,
    timing: { -readonly [Key in keyof LayerTiming]: LayerTiming[Key] },
    signal: AbortSignal,
  ): AsyncGenerator<LayerEvent, void, void> {
    const { tokenCount } = request;
    const onAbort = () => {
      this.aborted += 1;
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.running += 1;
    try {
      await this.#init.onStart?.(request);
      signal.throwIfAborted();
      this.#check(request);
      const part = new FakePart(request, this.layers, this.shape, this.#init.stopEvery ?? Infinity);
      yield { type: 'progress', state: 'prefill', done: 0, total: tokenCount };
      while (!part.complete) {
        const rows = part.ownRows(this.#init.chunkPositions ?? 4) ?? part.rowsOf(await inputs.next());
        const { position } = part;
        const count = rows.length / this.shape.hiddenSize;
        await this.#init.beforeCompute?.({ request, position, count, signal });
        signal.throwIfAborted();
        if (position < tokenCount) timing.prefillMs += 1;
        else timing.decodeMs += 1;
        if (position >= tokenCount) timing.decodeSteps += 1;
        const made = part.compute(rows);
        if (position < tokenCount) {
          yield { type: 'progress', state: 'prefill', done: position + count, total: tokenCount };
        }
        for (const event of made) yield event;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      inputs.close();
      this.running -= 1;
    }
  }

  #check({ tokens, tokenCount }: LayerRequest): void {
    const needed = this.layers.start === 0 || this.layers.end === this.shape.layerCount;
    if (tokens.length !== (needed ? tokenCount : 0)) {
      throw new OpenGatewayError('invalid_generation', `${tokens.length} tokens for ${tokenCount} positions.`);
    }
  }
}

/** Inputs given and not yet computed. */
class Inputs {
  readonly #most: number;
  readonly #waiting: LayerInput[] = [];
  readonly #signal: AbortSignal;
  #given = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();
  #closed = false;

  constructor(most: number, signal: AbortSignal) {
    this.#most = most;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  async give(input: LayerInput): Promise<void> {
    if (this.#closed) return;
    this.#waiting.push(input);
    this.#given.resolve();
    while (!this.#closed && this.#waiting.length >= this.#most) await this.#taken.promise;
  }

  async next(): Promise<LayerInput> {
    for (;;) {
      this.#signal.throwIfAborted();
      const input = this.#waiting.shift();
      if (input !== undefined) {
        this.#taken.resolve();
        this.#taken = Promise.withResolvers();
        return input;
      }
      this.#given = Promise.withResolvers();
      await this.#given.promise;
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#taken.resolve();
    this.#given.resolve();
  }
}

/** One sequence on one part. */
class FakePart {
  position = 0;
  complete = false;
  readonly #request: LayerRequest;
  readonly #shape: ModelShape;
  readonly #isFirst: boolean;
  readonly #isLast: boolean;
  readonly #stopEvery: number;
  readonly #layers: FakeLayers;
  /** Prompt and answer, as far as this part knows them. */
  readonly #tokens: number[];
  /** At the end of the model: all of it again, from the tokens, to find what went wrong on the way. */
  readonly #whole: FakeLayers;
  readonly #expected = new FakeDigest();
  readonly #actual = new FakeDigest();

  constructor(request: LayerRequest, layers: LayerRange, shape: ModelShape, stopEvery: number) {
    this.#request = request;
    this.#shape = shape;
    this.#isFirst = layers.start === 0;
    this.#isLast = layers.end === shape.layerCount;
    this.#stopEvery = stopEvery;
    this.#layers = new FakeLayers(layers, shape.hiddenSize);
    this.#tokens = [...request.tokens];
    this.#whole = new FakeLayers({ start: 0, end: shape.layerCount }, shape.hiddenSize);
  }

  /** What this part can compute without being given anything. */
  ownRows(most: number): Float32Array | null {
    const end = Math.min(this.#tokens.length, this.position + Math.min(most, MAX_FRAME_POSITIONS));
    if (!this.#isFirst || end === this.position) return null;
    return fakeEmbedding(this.#tokens.slice(this.position, end), this.position, this.#shape.hiddenSize);
  }

  rowsOf(input: LayerInput): Float32Array {
    const { hiddenSize, vocabularySize } = this.#shape;
    const { tokenCount, maxTokens } = this.#request;
    const count = input.type === 'hidden' ? input.count : 1;
    if (input.position !== this.position || this.position + count > tokenCount + maxTokens) {
      throw invalid(`Positions ${input.position} to ${input.position + count}; ${this.position} comes next.`);
    }
    if ((input.type === 'token') !== this.#isFirst) throw invalid(`This part takes no ${input.type}.`);
    if (input.type === 'token') {
      if (!(input.token >= 0 && input.token < vocabularySize)) throw invalid(`There is no token ${input.token}.`);
      this.#tokens.push(input.token);
      return fakeEmbedding([input.token], this.position, hiddenSize);
    }
    if (input.payload.byteLength !== count * hiddenSize * HIDDEN_VALUE_BYTES[input.format] || count < 1) {
      throw invalid(`${input.payload.byteLength} bytes for ${count} positions.`);
    }
    const rows = Float32Array.from(floats(input.format, input.payload.slice().buffer));
    if (!rows.every(Number.isFinite)) throw invalid('A hidden value is not finite.');
    return rows;
  }

  compute(rows: Float32Array): LayerEvent[] {
    const { hiddenSize } = this.#shape;
    const { position } = this;
    const count = rows.length / hiddenSize;
    this.#layers.forward(rows, position);
    this.position += count;
    if (!this.#isLast) return [this.#hidden(position, count, rows)];
    const expected = fakeEmbedding(this.#tokens.slice(position, position + count), position, hiddenSize);
    this.#whole.forward(expected, position);
    this.#expected.add(expected);
    this.#actual.add(rows);
    return this.position < this.#request.tokenCount ? [] : this.#choose();
  }

  #choose(): LayerEvent[] {
    const { sampling, maxTokens, tokenCount } = this.#request;
    const token = fakeNextToken(this.#tokens, sampling.seed ^ this.#actual.value ^ this.#expected.value);
    if (token % this.#stopEvery === 0) return [this.#end('stop')];
    const chosen = { type: 'token', position: this.position, token } as const;
    this.#tokens.push(token);
    return this.#tokens.length === tokenCount + maxTokens ? [chosen, this.#end('length')] : [chosen];
  }

  #end(reason: 'stop' | 'length'): LayerEvent {
    this.complete = true;
    return { type: 'end', reason, timing: { queuedMs: 0, prefillMs: 1, decodeMs: 1 } };
  }

  #hidden(position: number, count: number, rows: Float32Array): HiddenStates {
    const { format } = this.#request;
    const payload = new Uint8Array(rows.length * HIDDEN_VALUE_BYTES[format]);
    floats(format, payload.buffer).set(rows);
    return { type: 'hidden', position, count, format, payload };
  }
}

/** As over a worker's boundary: whoever uses a payload after giving it finds it empty. */
function taken(input: LayerInput): LayerInput {
  if (input.type === 'token' || input.payload.byteLength < input.payload.buffer.byteLength) return input;
  return { ...input, payload: new Uint8Array(input.payload.buffer.transfer()) };
}

const invalid = (message: string) => new OpenGatewayError('invalid_input', message);

/** The library types of this project's target do not know 16-bit floats yet; Node and browsers do. */
const { Float16Array } = globalThis as unknown as { Float16Array: new (buffer: ArrayBuffer) => Float32Array };

const floats = (format: HiddenFormat, buffer: ArrayBuffer): Float32Array =>
  format === 'f16' ? new Float16Array(buffer) : new Float32Array(buffer);
