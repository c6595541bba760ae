import type { LayerRange, RouteStage, StageReport } from '@opengateway/core';

/** What an answer waits for before its first text, or between a loss and what follows it. */
export type WaitingState = 'asking' | 'joining' | 'listening' | 'preparing' | 'connecting' | 'queued' | 'prefill';

/** What an answer says while it is made, whoever makes it: (route | waiting | text-delta)*, end. */
export type AnswerEvent =
  /** Who computes from here on; again after each failover. `here`: this tab's own name among them. */
  | { readonly type: 'route'; readonly stages: readonly RouteStage[]; readonly here?: string }
  /** `queued`: `done` answers are ahead, `total` is 0; `prefill`: tokens of the prompt read so far. */
  | {
      readonly type: 'waiting';
      readonly state: WaitingState;
      readonly done: number;
      readonly total: number;
      /** Of `listening`: layers that nobody heard so far holds. */
      readonly missing?: readonly LayerRange[];
    }
  | { readonly type: 'text-delta'; readonly text: string }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length';
      readonly promptTokens: number | null;
      readonly completionTokens: number | null;
      readonly failovers: number;
      /** Of a chain that this tab coordinated: what the stages say it took them. */
      readonly reports?: readonly StageReport[];
    };

/** An answer wanted, in the terms of the chat page. */
export interface AnswerRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly temperature: number;
  /** Absent: whatever the relay allows. */
  readonly maxTokens: number | null;
  readonly seed: number;
}
