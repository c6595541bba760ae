import { MAX_ECHO_CHARS } from './constants.ts';
import { InvalidRequestError } from './errors.ts';
import type * as z from 'zod/mini';

type Issue = z.core.$ZodIssue;

/** Turns the first thing a schema found wrong into OpenAI's error. */
export function invalidRequest(issue: Issue): InvalidRequestError {
  const param = formatPath(issue.path);
  const subject = param === null ? 'The body' : `'${param}'`;
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && issue.path.length > 0
        ? new InvalidRequestError('missing_required_parameter', `${subject} is required.`, param)
        : new InvalidRequestError('invalid_type', `${subject} must be ${typeName(issue.expected)}.`, param);
    case 'invalid_value':
      return new InvalidRequestError(
        'invalid_value',
        `${subject} must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}.`,
        param,
      );
    case 'too_small':
      return new InvalidRequestError(
        'invalid_value',
        `${subject} must ${verb(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}.`,
        param,
      );
    case 'too_big':
      return new InvalidRequestError(
        'invalid_value',
        `${subject} must ${verb(issue.origin)} at most ${issue.maximum}${unit(issue.origin)}.`,
        param,
      );
    case 'unrecognized_keys': {
      const key = echo(issue.keys[0] ?? '');
      const path = param === null ? key : `${param}.${key}`;
      return new InvalidRequestError('unknown_parameter', `'${path}' is not a known parameter.`, path);
    }
    case 'invalid_key':
    case 'invalid_format':
      return new InvalidRequestError('invalid_value', `${subject} has a form that is not allowed.`, param);
    default:
      return new InvalidRequestError('invalid_value', `${subject} is not valid.`, param);
  }
}

/** At most `MAX_ECHO_CHARS` of a client's own text, for a message about it. */
export const echo = (text: string): string =>
  text.length > MAX_ECHO_CHARS ? `${text.slice(0, MAX_ECHO_CHARS)}…` : text;

/** `['messages', 0, 'content']` → `messages[0].content`. */
function formatPath(path: readonly PropertyKey[]): string | null {
  if (path.length === 0) return null;
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${echo(String(step))}`))
    .join('');
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  int: 'an integer',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
};

const typeName = (expected: string): string => TYPE_NAMES[expected] ?? `of type ${expected}`;

const verb = (origin: string): string => (origin === 'array' || origin === 'string' ? 'have' : 'be');

const unit = (origin: string): string => {
  if (origin === 'array') return ' entries';
  return origin === 'string' ? ' characters' : '';
};
