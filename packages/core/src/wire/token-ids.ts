import { MalformedMessageError } from './errors.ts';
import { TOKEN_BYTES } from './limits.ts';

/** Token ids as 32-bit little-endian words, whatever the host's byte order. */
export function packTokens(tokens: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(tokens.length * TOKEN_BYTES);
  const view = new DataView(bytes.buffer);
  tokens.forEach((token, index) => view.setUint32(index * TOKEN_BYTES, token, true));
  return bytes;
}

/** @throws `malformed_message` where the length is no whole number of ids or an id exceeds 31 bits. */
export function unpackTokens(bytes: Uint8Array): number[] {
  if (bytes.byteLength % TOKEN_BYTES !== 0) throw new MalformedMessageError('Token bytes end inside a token.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / TOKEN_BYTES }, (_, index) => {
    const token = view.getUint32(index * TOKEN_BYTES, true);
    if (token >= 2 ** 31) throw new MalformedMessageError('A token id exceeds 31 bits.');
    return token;
  });
}
