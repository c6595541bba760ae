import { InvalidMessagesError } from './errors.ts';

/** Code points that no text is meant to hold: Unicode's noncharacters, then the private use area. */
const RANGES = [
  [0xfdd0, 0xfdef],
  [0xe000, 0xf8ff],
] as const;

/**
 * A character that occurs in none of `texts`, for `Tokenizer.guardText`.
 *
 * @throws InvalidMessagesError where the texts use up all that could serve.
 */
export function guardCharacter(texts: readonly string[]): string {
  for (const [first, last] of RANGES) {
    for (let code = first; code <= last; code += 1) {
      const character = String.fromCharCode(code);
      if (!texts.some((text) => text.includes(character))) return character;
    }
  }
  throw new InvalidMessagesError('they use every private character of Unicode');
}
