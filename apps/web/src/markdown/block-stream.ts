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
 * A block is final once a whole line of the next one follows it: nothing appended later reaches back over
 * it (definitions of reference links apart, which models do not write). A line that is still being
 * written decides nothing: `*` may become an item of a list or the first half of `**bold**`.
 */
export class BlockStream {
  #text = '';
  #final: MarkdownBlock[] = [];
  #finalChars = 0;

  update(source: string): readonly MarkdownBlock[] {
    // The lexer reads all line ends as one character: offsets must count them so too.
    const text = source.replaceAll(/\r\n?/g, '\n');
    if (!text.startsWith(this.#text)) this.#reset();
    const lines = text.lastIndexOf('\n') + 1;
    if (lines > this.#text.lastIndexOf('\n') + 1) this.#finish(text.slice(0, lines));
    this.#text = text;
    return [...this.#final, ...blocksFrom(text, this.#finalChars)].filter(({ token }) => token.type !== 'space');
  }

  #finish(lines: string): void {
    const blocks = blocksFrom(lines, this.#finalChars);
    const last = blocks.findLastIndex(({ token }) => token.type !== 'space');
    for (const block of blocks.slice(0, Math.max(0, last))) {
      this.#final.push(block);
      this.#finalChars += block.token.raw.length;
    }
  }

  #reset(): void {
    this.#text = '';
    this.#final = [];
    this.#finalChars = 0;
  }
}

function blocksFrom(text: string, start: number): MarkdownBlock[] {
  let offset = start;
  return lexer.lexer(text.slice(start)).map((token) => {
    const block = { offset, token };
    offset += token.raw.length;
    return block;
  });
}
