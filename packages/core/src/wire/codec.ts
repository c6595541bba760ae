import { decode, encode } from 'cborg';
import type { DecodeOptions, EncodeOptions } from 'cborg/interface';
import type * as z from 'zod/mini';
import { MalformedMessageError, MessageTooLargeError } from './errors.ts';

const ENCODE_OPTIONS: EncodeOptions = { ignoreUndefinedProperties: true };

const DECODE_OPTIONS: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
  tags: {},
};

/** Canonical CBOR of `value`: sorted keys, shortest numbers; absent and `undefined` properties are the same. */
export const encodeMessage = (value: unknown): Uint8Array => encode(value, ENCODE_OPTIONS);

/**
 * The value that `bytes` are the canonical CBOR of, checked by `schema`.
 *
 * @throws `message_too_large`, `malformed_message`; never anything else, whatever the bytes.
 */
export function decodeMessage<Schema extends z.ZodMiniType>(
  schema: Schema,
  bytes: Uint8Array,
  maxBytes: number,
): z.output<Schema> {
  if (bytes.byteLength > maxBytes) throw new MessageTooLargeError(bytes.byteLength, maxBytes);
  const result = schema.safeParse(decodeCanonical(bytes));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new MalformedMessageError(
      `Unexpected ${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'invalid'}.`,
    );
  }
  return result.data;
}

function decodeCanonical(bytes: Uint8Array): unknown {
  let value: unknown;
  let again: Uint8Array;
  try {
    value = decode(bytes, DECODE_OPTIONS);
    again = encodeMessage(value);
  } catch (cause) {
    throw new MalformedMessageError('Not CBOR as this protocol writes it.', { cause });
  }
  // One value has one encoding: unsorted keys and long numbers do not survive this.
  if (!equalBytes(bytes, again)) throw new MalformedMessageError('Not canonical CBOR.');
  return value;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index++) if (a[index] !== b[index]) return false;
  return true;
}
