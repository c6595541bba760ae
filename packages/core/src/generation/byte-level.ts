/**
 * The printable character that stands for each byte in a byte-level vocabulary: bytes that print stand
 * for themselves, the others follow from U+0100 on.
 *
 * Source: `bytes_to_unicode` of the GPT-2 release, github.com/openai/gpt-2/blob/master/src/encoder.py.
 */
const CHARACTER_OF_BYTE: readonly string[] = buildTable();
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
);

/** Bytes that a byte-level vocabulary entry stands for; null where it has a character that stands for none. */
export function decodeByteLevel(piece: string): Uint8Array | null {
  const bytes = new Uint8Array(piece.length);
  let length = 0;
  for (const character of piece) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return null;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

function buildTable(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++));
}

function prints(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}
