import type { RouteStage } from '@opengateway/core';

/** What an answer says while it is made, whoever makes it: (route | waiting | text-delta)*, end. */
export type AnswerEvent =
  /** Who computes from here on; again after each failover. */
  | { readonly type: 'route'; readonly stages: readonly RouteStage[] }
  /** `queued`: `done` answers are ahead, `total` is 0; `prefill`: tokens of the prompt read so far. */
  | { readonly type: 'waiting'; readonly state: 'queued' | 'prefill'; readonly done: number; readonly total: number }
  | { readonly type: 'text-delta'; readonly text: string }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length';
      readonly promptTokens: number | null;
      readonly completionTokens: number | null;
      readonly failovers: number;
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
