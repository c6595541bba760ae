/** Server-sent events as OpenAI's clients read them: `data:` lines, comments, and `[DONE]`. */

/** One event whose data is `value` as JSON. */
export const sseData = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** A comment: keeps the connection alive and tells a person what is going on; clients skip it. */
export const sseComment = (text: string): string => `: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`;

/** Ends a stream that went well. */
export const SSE_DONE = 'data: [DONE]\n\n';
