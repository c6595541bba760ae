import { Marked } from 'marked';
import type { Token } from 'marked';

/** One top-level block of a markdown text. */
export interface MarkdownBlock {
  /** Position in the text: stays the same while the text grows. */
  readonly offset: number;
  readonly token: Token;
}

const lexer = new Marked({ gfm: true, breaks: false });

/** The top-level blocks of a whole text. */
export const splitBlocks = (text: string): readonly MarkdownBlock[] => new BlockStream().update(text);

/**
 * Splits a growing text into markdown blocks, reading only its open end again at each update.
 *
 * A block is final once another one follows it: nothing appended later reaches back over a finished
 * block (definitions of reference links apart, which models do not write).
 */
export class BlockStream {
  #text = '';
  #final: MarkdownBlock[] = [];
  #finalChars = 0;

  update(source: string): readonly MarkdownBlock[] {
    // The lexer reads all line ends as one character: offsets must count them so too.
    const text = source.replaceAll(/\r\n?/g, '\n');
    if (!text.startsWith(this.#text)) this.#reset();
    this.#text = text;
    let offset = this.#finalChars;
    const open: MarkdownBlock[] = [];
    for (const token of lexer.lexer(text.slice(this.#finalChars))) {
      open.push({ offset, token });
      offset += token.raw.length;
    }
    const last = open.findLastIndex(({ token }) => token.type !== 'space');
    for (const block of open.splice(0, Math.max(0, last))) {
      this.#final.push(block);
      this.#finalChars += block.token.raw.length;
    }
    return [...this.#final, ...open].filter(({ token }) => token.type !== 'space');
  }

  #reset(): void {
    this.#final = [];
    this.#finalChars = 0;
  }
}
