import { ChunkSet, numberFiles, toWire } from '@opengateway/core';
import type {
  ChunkSource,
  JoinedModel,
  ModelExchange,
  TradedFiles,
  WeightsExchange,
  WeightsStats,
} from '@opengateway/core';
import type { PageWeightsMessage, WorkerWeightsMessage } from './weights-port.ts';

/** The page's end of a worker's weights port. */
export interface ExchangeLink {
  /** Undefined before the worker took part. */
  stats(): WeightsStats | undefined;
  /** Ends the exchange, and closes the port. Idempotent. */
  close(): void;
}

export interface ExchangeLinkInit {
  readonly exchange: Pick<WeightsExchange, 'join'>;
  /** What the worker has or wants, numbered in its order. */
  readonly files: Promise<TradedFiles>;
  readonly server: ChunkSource | undefined;
}

/** Lets the worker at the other end of `port` trade the chunks of a model's files. */
export function linkExchange(port: MessagePort, { exchange, files, server }: ExchangeLinkInit): ExchangeLink {
  let model: ModelExchange | undefined;
  let closed = false;
  let reads = 0;
  /** Bounded by what the exchange has under way, and by the uploads it serves at once. */
  const taking = new Map<number, (taken: { kept: boolean; buffer: Uint8Array<ArrayBuffer> }) => void>();
  const reading = new Map<number, (bytes: Uint8Array | undefined) => void>();
  const post = (message: PageWeightsMessage, transfer: Transferable[] = []) => port.postMessage(message, transfer);

  const join = async (wanted: Uint8Array, kept: Uint8Array) => {
    const { hash, announced, ...manifest } = await files;
    const { count } = numberFiles(manifest);
    if (closed) return;
    const local: JoinedModel['local'] = {
      wanted: ChunkSet.decode(wanted, count),
      kept: ChunkSet.decode(kept, count),
      take(chunk, bytes, origin) {
        const { promise, resolve } = Promise.withResolvers<{ kept: boolean; buffer: Uint8Array<ArrayBuffer> }>();
        taking.set(chunk, resolve);
        post({ type: 'chunk', chunk, bytes, origin }, [bytes.buffer]);
        return promise;
      },
      read(chunk) {
        const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
        const id = (reads += 1);
        reading.set(id, resolve);
        post({ type: 'read', id, chunk });
        return promise;
      },
      onUnavailable: (error) => post({ type: 'unavailable', error: toWire(error) }),
    };
    model = exchange.join({ manifest, hash, announced, local, server });
  };
  /** What is said before the exchange is joined waits for it. */
  let joined: Promise<void> | undefined;
  const onMessage = ({ data }: MessageEvent<WorkerWeightsMessage>) => {
    switch (data.type) {
      case 'join':
        joined = join(data.wanted, data.kept).catch((error: unknown) => {
          if (!closed) post({ type: 'unavailable', error: toWire(error) });
        });
        return;
      case 'want':
        return void joined?.then(() => model?.want(data.chunk));
      case 'lose':
        return void joined?.then(() => model?.lose(data.chunk));
      case 'fetch-only-wanted':
        return void joined?.then(() => model?.fetchOnlyWanted());
      case 'taken':
        taking.get(data.chunk)?.({ kept: data.kept, buffer: new Uint8Array(data.buffer) });
        return void taking.delete(data.chunk);
      case 'bytes':
        reading.get(data.id)?.(data.bytes);
        return void reading.delete(data.id);
      default:
        return data satisfies never;
    }
  };
  port.addEventListener('message', onMessage);
  port.start();

  return {
    stats: () => model?.stats(),
    close() {
      if (closed) return;
      closed = true;
      model?.leave();
      for (const resolve of reading.values()) resolve(undefined);
      reading.clear();
      taking.clear();
      port.removeEventListener('message', onMessage);
      port.close();
    },
  };
}
