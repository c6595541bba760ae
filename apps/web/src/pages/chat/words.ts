import { formatCount, formatPlural, formatRate } from '../../format/numbers.ts';
import { shortPeer } from '../../format/names.ts';
import { formatSpan } from '../../format/time.ts';
import type { Waiting } from '../../state/answer-writer.ts';
import type { AnswerReport } from '../../storage/schema.ts';

/** What an answer without text is waiting for. */
export function waitingWords(waiting: Waiting | null): string {
  if (waiting === null) return 'Being written in another tab';
  if (waiting.state === 'queued') return waiting.done > 0 ? `Queued, ${formatCount(waiting.done)} ahead` : 'Queued';
  if (waiting.state === 'prefill' && waiting.total > 0) {
    return `Reading the question: ${formatCount(waiting.done)} of ${formatCount(waiting.total)} tokens`;
  }
  return 'Asking';
}

/** A refusal or failure for a person: why, and what next. */
export function failureWords(error: { code: string; message: string }): { text: string; wantsKey: boolean } {
  const wantsKey = error.code === 'invalid_api_key' || error.code === 'http_401';
  switch (error.code) {
    case 'relay_unreachable':
      return {
        text: 'The relay cannot be reached, so nothing was sent. Your question is kept; ask again when it is back.',
        wantsKey,
      };
    case 'answer_cut':
      return {
        text: 'The connection to the relay broke off in mid-answer. What came is kept; continue or ask again.',
        wantsKey,
      };
    case 'context_length_exceeded':
      return {
        text: 'This chat has grown longer than the model can read. Start a new one, or edit an earlier question.',
        wantsKey,
      };
    case 'no_route':
      return {
        text: 'Nobody serves this model right now. Lend this device on the Contribute page, or ask again in a minute.',
        wantsKey,
      };
    case 'capacity':
      return { text: 'All who serve this model are full. Ask again in a few seconds.', wantsKey };
    case 'invalid_api_key':
    case 'http_401':
      return { text: 'This relay answers only with an API key.', wantsKey };
    default:
      return { text: error.message, wantsKey };
  }
}

/** Tokens per second of the writing alone, or null where it cannot be told. */
export function writingRate({ completionTokens, firstTextMs, totalMs }: AnswerReport): number | null {
  if (completionTokens === null || firstTextMs === null || totalMs === null) return null;
  const ms = totalMs - firstTextMs;
  return completionTokens > 1 && ms > 0 ? ((completionTokens - 1) / ms) * 1000 : null;
}

/** By whom, in one phrase. */
export function byWords({ by, stages }: AnswerReport): string {
  if (by === 'device') return 'on this device';
  if (stages.length > 1) return `by a chain of ${stages.length} peers`;
  const peer = stages[0]?.peer;
  return peer === undefined ? 'through the relay' : `by peer ${shortPeer(peer)}`;
}

/** The line under an answer, as its parts. */
export function reportWords(report: AnswerReport): string[] {
  const rate = writingRate(report);
  return [
    report.completionTokens === null ? null : formatPlural(report.completionTokens, 'token'),
    report.firstTextMs === null ? null : `first word after ${formatSpan(report.firstTextMs)}`,
    rate === null ? null : `${formatRate(rate)} tokens/s`,
    byWords(report),
  ].filter((part) => part !== null);
}
