/** Turns the bytes of tokens into text, whole characters only. */
export interface IncrementalDetokenizer {
  /** Text completed by these bytes; the bytes of an unfinished character wait for the rest. */
  push(bytes: Uint8Array): string;
  /** Whether bytes wait for the rest of their character. */
  readonly pending: boolean;
  /** The end: what still waits becomes U+FFFD. Ready for another text afterwards. */
  flush(): string;
}

/**
 * Decodes UTF-8 as the WHATWG Encoding Standard does: bytes that can belong to no character become U+FFFD,
 * so the text is the same however the bytes were split.
 */
export function createIncrementalDetokenizer(): IncrementalDetokenizer {
  // A byte order mark is part of what the model said.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const counter = createPendingCounter();
  return {
    push(bytes) {
      counter.push(bytes);
      return decoder.decode(bytes, { stream: true });
    },
    get pending() {
      return counter.pending();
    },
    flush() {
      counter.reset();
      return decoder.decode();
    },
  };
}

/** Follows how many bytes the current character still wants; the decoder itself does not tell. */
function createPendingCounter() {
  let wanted = 0;
  let lower = 0x80;
  let upper = 0xbf;
  const begin = (byte: number) => {
    lower = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    upper = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    wanted = byte >= 0xc2 && byte <= 0xdf ? 1 : byte >= 0xe0 && byte <= 0xef ? 2 : byte >= 0xf0 && byte <= 0xf4 ? 3 : 0;
  };
  return {
    pending: () => wanted > 0,
    reset: () => {
      wanted = 0;
    },
    push(bytes: Uint8Array) {
      for (const byte of bytes) {
        if (wanted > 0 && byte >= lower && byte <= upper) {
          wanted -= 1;
          lower = 0x80;
          upper = 0xbf;
        } else {
          begin(byte);
        }
      }
    },
  };
}
