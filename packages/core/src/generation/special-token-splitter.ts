/** A stretch of text, or one special token. */
export type TextSegment = { readonly text: string } | { readonly token: number };

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  token: number | undefined;
}

/** Cuts text at special tokens; of several that begin at one place, the longest counts. */
export class SpecialTokenSplitter {
  readonly #root: TrieNode = { next: new Map(), token: undefined };

  constructor(tokens: Iterable<readonly [text: string, token: number]>) {
    for (const [text, token] of tokens) {
      let node = this.#root;
      for (let i = 0; i < text.length; i += 1) {
        const unit = text.charCodeAt(i);
        let child = node.next.get(unit);
        if (child === undefined) {
          child = { next: new Map(), token: undefined };
          node.next.set(unit, child);
        }
        node = child;
      }
      if (node !== this.#root) node.token ??= token;
    }
  }

  /** The special token that begins at `start`, if one does. */
  match(text: string, start: number): { readonly token: number; readonly end: number } | null {
    let node = this.#root.next.get(text.charCodeAt(start));
    let found: { token: number; end: number } | null = null;
    for (let end = start + 1; node !== undefined; end += 1) {
      if (node.token !== undefined) found = { token: node.token, end };
      node = node.next.get(text.charCodeAt(end));
    }
    return found;
  }

  /** Puts `guard` before every special token in `text`, so that `split` with the same guard takes it as text. */
  guard(text: string, guard: string): string {
    let guarded = '';
    let start = 0;
    for (let at = 0; at < text.length; at += 1) {
      if (this.match(text, at) === null) continue;
      guarded += text.slice(start, at) + guard;
      start = at;
    }
    return guarded + text.slice(start);
  }

  /** Segments in order. No special token begins right after the character `guard`, which is dropped. */
  split(text: string, guard?: string): TextSegment[] {
    const segments: TextSegment[] = [];
    let start = 0;
    const endText = (end: number) => {
      const between = text.slice(start, end);
      const plain = guard === undefined ? between : between.replaceAll(guard, '');
      if (plain.length > 0) segments.push({ text: plain });
    };
    for (let at = 0; at < text.length;) {
      if (guard !== undefined && text[at] === guard) {
        at += 2;
        continue;
      }
      const match = this.match(text, at);
      if (match === null) {
        at += 1;
        continue;
      }
      endText(at);
      segments.push({ token: match.token });
      at = match.end;
      start = at;
    }
    endText(text.length);
    return segments;
  }
}
