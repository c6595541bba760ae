import { echo } from './describe-issue.ts';
import { InvalidRequestError } from './errors.ts';
import { REFUSED_MESSAGE_FIELDS } from './parameters.ts';

const PART_FIELDS = new Set(['type', 'text']);

/**
 * Puts messages into the one form the schema knows (content as an array of text parts, no nulls) and
 * refuses by name what OpenAI allows in a message and no text model here can take.
 *
 * Other values of a wrong type pass unchanged: the schema names them.
 *
 * @throws InvalidRequestError `invalid_type`, `unsupported_value`, `unsupported_parameter`.
 */
export function normalizeMessages(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.map((message: unknown, index) => normalizeMessage(message, `messages[${index}]`));
}

function normalizeMessage(message: unknown, path: string): unknown {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return message;
  const fields = Object.entries(message).filter(([name, value]) => value !== null && !isEmptyList(name, value));
  for (const [name] of fields) {
    if (REFUSED_MESSAGE_FIELDS.includes(name)) {
      throw new InvalidRequestError(
        'unsupported_parameter',
        `'${path}.${name}' is not supported: messages have a role and text.`,
        `${path}.${name}`,
      );
    }
  }
  const normalized = Object.fromEntries(fields);
  if (normalized.role === 'tool' || normalized.role === 'function') {
    throw new InvalidRequestError(
      'unsupported_value',
      `'${path}.role' is '${normalized.role}': tools are not supported.`,
      `${path}.role`,
    );
  }
  const { content } = message as { content?: unknown };
  if (content !== undefined && typeof content !== 'string' && !Array.isArray(content)) {
    throw new InvalidRequestError(
      'invalid_type',
      `'${path}.content' must be a string or an array of text parts.`,
      `${path}.content`,
    );
  }
  if (typeof normalized.content === 'string') normalized.content = [{ type: 'text', text: normalized.content }];
  else if (Array.isArray(normalized.content)) refuseOtherParts(normalized.content, `${path}.content`);
  return normalized;
}

/** `annotations: []` comes back from clients that repeat an answer as they got it. */
const isEmptyList = (name: string, value: unknown): boolean =>
  name === 'annotations' && Array.isArray(value) && value.length === 0;

function refuseOtherParts(parts: readonly unknown[], path: string): void {
  for (const [index, part] of parts.entries()) {
    if (typeof part !== 'object' || part === null) continue;
    const { type } = part as { type?: unknown };
    if (typeof type === 'string' && type !== 'text') {
      throw new InvalidRequestError(
        'unsupported_value',
        `'${path}[${index}].type' is '${echo(type)}': only text parts are supported.`,
        `${path}[${index}].type`,
      );
    }
    const unknown = Object.keys(part).find((name) => !PART_FIELDS.has(name));
    if (unknown !== undefined && type === 'text') {
      throw new InvalidRequestError(
        'unsupported_parameter',
        `'${path}[${index}].${echo(unknown)}' is not supported.`,
        `${path}[${index}].${echo(unknown)}`,
      );
    }
  }
}
