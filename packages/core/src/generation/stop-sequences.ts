/** What may be shown now, and whether a stop string ended the text. */
interface StopOutcome {
  readonly text: string;
  readonly stopped: boolean;
}

/** Watches a growing text for stop strings. */
export interface StopSequenceMatcher {
  /** Adds text; text that may yet turn out to be the beginning of a stop string is held back. */
  push(text: string): StopOutcome;
  /** The end of the text: gives what was held back, up to a stop string. */
  flush(): StopOutcome;
}

/**
 * Cuts a text at the first place where one of `stops` occurs. What is given out, joined, is the text
 * before that place, or the whole text; it never holds any part of the stop string that ends it.
 * After a stop, nothing more comes.
 *
 * @example
 * const matcher = createStopSequenceMatcher(['\n\n']);
 * matcher.push('one\n'); // { text: 'one', stopped: false }
 * matcher.push('two'); // { text: '\ntwo', stopped: false }
 */
export function createStopSequenceMatcher(stops: readonly string[]): StopSequenceMatcher {
  const sequences = stops.filter((stop) => stop.length > 0);
  let held = '';
  let stopped = false;
  const end = (text: string, cut: number): StopOutcome => {
    stopped = true;
    held = '';
    return { text: text.slice(0, cut), stopped };
  };
  return {
    push(text) {
      if (stopped) return { text: '', stopped };
      const all = held + text;
      const cut = firstOccurrence(all, sequences);
      const undecided = all.length - heldLength(all, sequences);
      // A longer stop string that began before the one found would cut earlier still.
      if (cut >= 0 && cut <= undecided) return end(all, cut);
      held = all.slice(undecided);
      return { text: all.slice(0, undecided), stopped };
    },
    flush() {
      const cut = firstOccurrence(held, sequences);
      if (cut >= 0) return end(held, cut);
      const text = held;
      held = '';
      return { text, stopped };
    },
  };
}

function firstOccurrence(text: string, stops: readonly string[]): number {
  let first = -1;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && (first < 0 || at < first)) first = at;
  }
  return first;
}

/** Length of the longest end of `text` that begins a stop string without completing it. */
function heldLength(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
