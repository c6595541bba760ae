import { createIncrementalDetokenizer } from '../generation/incremental-detokenizer.ts';
import { createStopSequenceMatcher } from '../generation/stop-sequences.ts';
import type { TokenLogprobs } from '../generation/sampling.ts';
import type { TextLogprob } from './types.ts';

/** Text ready to be shown, with the tokens whose text it completes. */
export interface AssembledText {
  readonly text: string;
  readonly tokens: number;
  readonly logprobs: readonly TextLogprob[];
}

/** Makes an answer's text out of its tokens: whole characters, nothing of a stop string. */
export interface TextAssembler {
  /** Takes a token; gives the text it completes, if any, and whether a stop string ended the answer. */
  push(token: number, logprobs?: TokenLogprobs): { readonly delta: AssembledText | null; readonly stopped: boolean };
  /** The end of the answer: gives what is left. */
  finish(): { readonly delta: AssembledText | null; readonly stopped: boolean };
}

interface WaitingToken {
  /** Where its text begins, and the length of text that completes it, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly logprob: TextLogprob | null;
}

export function createTextAssembler(tokenBytes: (token: number) => Uint8Array, stop: readonly string[]): TextAssembler {
  const detokenizer = createIncrementalDetokenizer();
  const matcher = createStopSequenceMatcher(stop);
  const waiting: WaitingToken[] = [];
  let decoded = 0;
  let released = 0;

  const release = (text: string, isDone: (token: WaitingToken) => boolean): AssembledText | null => {
    released += text.length;
    let tokens = 0;
    while (tokens < waiting.length && isDone(waiting[tokens] as WaitingToken)) tokens += 1;
    const logprobs = waiting.splice(0, tokens).flatMap(({ logprob }) => logprob ?? []);
    return text.length > 0 || tokens > 0 ? { text, tokens, logprobs } : null;
  };
  const releaseStopped = (text: string) => {
    const delta = release(text, ({ start }) => start < released);
    waiting.length = 0;
    return { delta, stopped: true };
  };

  return {
    push(token, logprobs) {
      const start = decoded;
      const text = detokenizer.push(tokenBytes(token));
      decoded += text.length;
      // An unfinished character will add at least one unit.
      const end = decoded + (detokenizer.pending ? 1 : 0);
      waiting.push({ start, end, logprob: logprobs === undefined ? null : describe(token, logprobs, tokenBytes) });
      const outcome = matcher.push(text);
      if (outcome.stopped) return releaseStopped(outcome.text);
      if (outcome.text.length === 0) return { delta: null, stopped: false };
      return { delta: release(outcome.text, (waitingToken) => waitingToken.end <= released), stopped: false };
    },
    finish() {
      const last = matcher.push(detokenizer.flush());
      if (last.stopped) return releaseStopped(last.text);
      const rest = matcher.flush();
      const text = last.text + rest.text;
      return rest.stopped ? releaseStopped(text) : { delta: release(text, () => true), stopped: false };
    },
  };
}

function describe(token: number, logprobs: TokenLogprobs, tokenBytes: (token: number) => Uint8Array): TextLogprob {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const one = (id: number, logprob: number) => {
    const bytes = tokenBytes(id);
    return { text: decoder.decode(bytes), bytes: [...bytes], logprob };
  };
  return {
    ...one(token, logprobs.logprob),
    top: logprobs.top.map((alternative) => one(alternative.token, alternative.logprob)),
  };
}
