import type { RouteStage, StageReport } from '@opengateway/core';
import type { DBSchema } from 'idb';

export const DATABASE_NAME = 'opengateway-chat';
export const DATABASE_VERSION = 1;

/** How an answer was made, as the line under it tells. */
export interface AnswerReport {
  /** This tab with its own model, the relay's `/v1`, or peers that this tab asked itself. */
  readonly by: 'device' | 'network' | 'direct';
  readonly stages: readonly RouteStage[];
  /** The name that this tab had among the stages. */
  readonly here?: string;
  /** Of a chain: what its stages say it took them. */
  readonly reports?: readonly StageReport[];
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  /** From sending to the first text on this page. */
  readonly firstTextMs: number | null;
  /** From sending to the last text on this page; absent in older answers. */
  readonly lastTextMs?: number;
  /** From sending to the end. */
  readonly totalMs: number | null;
  readonly failovers: number;
  readonly reason: 'stop' | 'length' | null;
}

export type MessageStatus = 'complete' | 'streaming' | 'interrupted' | 'stopped' | 'failed';

export interface StoredMessage {
  readonly id: string;
  readonly conversationId: string;
  /** Order within the conversation. */
  readonly position: number;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly createdMs: number;
  readonly status: MessageStatus;
  /** Seed of the answer: the same question with it gives the same answer. Null for questions. */
  readonly seed: number | null;
  readonly model: string | null;
  readonly report: AnswerReport | null;
  readonly error: StoredFailure | null;
}

/** Why an answer is not whole. */
export interface StoredFailure {
  readonly code: string;
  readonly message: string;
  /** When to ask again, if the relay said so. */
  readonly retryAfterSeconds?: number;
}

export interface ConversationOptions {
  readonly systemPrompt: string;
  readonly temperature: number;
  /** Null leaves it to the relay. */
  readonly maxTokens: number | null;
}

export interface StoredConversation {
  readonly id: string;
  readonly title: string;
  /** Whether a person chose the title. */
  readonly titled: boolean;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly model: string | null;
  readonly options: ConversationOptions;
}

export interface ChatDatabase extends DBSchema {
  conversations: {
    key: string;
    value: StoredConversation;
    indexes: { 'by-updated': number };
  };
  messages: {
    key: string;
    value: StoredMessage;
    indexes: { 'by-conversation': [conversationId: string, position: number] };
  };
}
