import { InvalidAnswerError } from './errors.ts';

/** Reads a response's text, refusing more than `maximumBytes`. */
export async function readCapped(response: Response, maximumBytes: number): Promise<string> {
  if (response.body === null) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maximumBytes) {
      await reader.cancel();
      throw new InvalidAnswerError(`The relay sent more than ${maximumBytes} bytes.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
