/** What one process of the bench is started with. */
export interface StageOptions {
  readonly relayMultiaddrs: readonly string[];
  /** Of a pretended model of its own for every chain, so that the bench chooses who answers. */
  readonly manifest: string;
  /** Half-open. */
  readonly layers: readonly [number, number];
  /** Whether timers stand for the engine. */
  readonly emulated: boolean;
}

/** What the bench asks of a stage's process; each is answered once. */
export type StageCommand =
  /** From now on every frame to the next stage leaves so much later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** From now on a token takes the emulated engine so long. */
  | { readonly type: 'emulate'; readonly ms: number }
  /** Round trips of `bytes` to another stage's process and back, over the connection that stands, after a pause each. */
  | ({ readonly type: 'echo' } & EchoOptions);

export interface EchoOptions {
  readonly peer: string;
  /** Of one message, there and back. */
  readonly bytes: number;
  readonly rounds: number;
  readonly pauseMs: number;
}

export type StageReply =
  /** Said once, unasked. */
  | { readonly type: 'ready'; readonly peer: string }
  | { readonly type: 'done' }
  | { readonly type: 'echo'; readonly roundTripsMs: readonly number[] }
  | { readonly type: 'failed'; readonly message: string };
