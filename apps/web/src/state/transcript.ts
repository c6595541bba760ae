import { MAX_TITLE_CHARS } from '../constants.ts';
import type { AnswerRequest } from '../api/answer-events.ts';
import type { ConversationOptions, StoredConversation, StoredMessage } from '../storage/schema.ts';

/** Small models wander at 1; what people expect of a chat is nearer to this. */
export const DEFAULT_CONVERSATION_OPTIONS: ConversationOptions = {
  systemPrompt: '',
  temperature: 0.6,
  maxTokens: null,
};

const TITLE_WORDS_CHARS = 48;

/** The request's messages for an answer at `position`: all before it that have content. */
export function requestMessages(
  messages: readonly StoredMessage[],
  position: number,
  options: ConversationOptions,
): AnswerRequest['messages'] {
  const system = options.systemPrompt.trim();
  return [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    ...messages
      .filter((message) => message.position < position && message.content !== '')
      .map(({ role, content }) => ({ role, content })),
  ];
}

/** A title from the first question: its first line, cut between words. */
export function titleFrom(question: string): string {
  const line = question.trim().split('\n', 1)[0]?.trim() ?? '';
  if (line === '') return 'New chat';
  if (line.length <= TITLE_WORDS_CHARS) return line;
  const cut = line.slice(0, TITLE_WORDS_CHARS + 1);
  const space = cut.lastIndexOf(' ');
  return `${cut.slice(0, space > TITLE_WORDS_CHARS / 2 ? space : TITLE_WORDS_CHARS).trimEnd()}…`;
}

/** A title as a person typed it, or null if nothing is left of it. */
export const cleanTitle = (title: string): string | null =>
  title.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_TITLE_CHARS) || null;

/** A conversation as a markdown document. */
export function exportMarkdown(conversation: StoredConversation, messages: readonly StoredMessage[]): string {
  const parts = messages.map((message) => {
    const who = message.role === 'user' ? 'You' : (message.model ?? 'Answer');
    const note = message.status === 'interrupted' ? '\n\n*(interrupted)*' : '';
    return `## ${who}\n\n${message.content}${note}\n`;
  });
  return [`# ${conversation.title}\n`, ...parts].join('\n');
}

/** File name for an export: letters, digits and dashes. */
export const exportFileName = (title: string): string =>
  `${
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 60) || 'chat'
  }.md`;

/**
 * What to show while an interrupted answer is made again with the same seed: the kept text until the
 * new one has caught up with it, then the new one. Where they differ the new one is right.
 */
export const continued = (kept: string, fresh: string): string => (kept.startsWith(fresh) ? kept : fresh);
