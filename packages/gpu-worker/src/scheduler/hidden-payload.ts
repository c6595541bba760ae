import { HIDDEN_VALUE_BYTES, MAX_FRAME_POSITIONS, MAX_HIDDEN_PAYLOAD_BYTES } from '@opengateway/core';
import { InvalidInputError } from './errors.ts';
import { FLOAT16_OVERFLOW, float16 } from './float16.ts';
import type { HiddenFormat, HiddenStates } from '@opengateway/core';

/**
 * Rows `[positions, hiddenSize]` as they go to the next stage, in pieces that a frame may hold. What 16 bits
 * cannot hold goes in 32. Copies: `rows` may be the engine's own memory.
 *
 * @throws RangeError where a value is not finite
 */
export function encodeHidden(
  rows: Float32Array,
  { position, hiddenSize, format }: { position: number; hiddenSize: number; format: HiddenFormat },
): HiddenStates[] {
  const pieces: HiddenStates[] = [];
  const end = position + rows.length / hiddenSize;
  const most = mostPositions(hiddenSize, format);
  for (let start = position; start < end; start += most) {
    const count = Math.min(most, end - start);
    const offset = (start - position) * hiddenSize;
    const piece = rows.subarray(offset, offset + count * hiddenSize);
    const largest = largestMagnitude(piece);
    if (!(largest < Number.POSITIVE_INFINITY)) throw new RangeError('A hidden value is not finite.');
    if (format === 'f16' && largest >= FLOAT16_OVERFLOW) {
      pieces.push(...encodeHidden(piece, { position: start, hiddenSize, format: 'f32' }));
      continue;
    }
    const payload = format === 'f16' ? float16.encode(piece) : new Uint8Array(piece.slice().buffer);
    pieces.push({ type: 'hidden', position: start, count, format, payload });
  }
  return pieces;
}

/** Rows `[count, hiddenSize]` that a neighbour sent. @throws InvalidInputError */
export function decodeHidden({ count, format, payload }: HiddenStates, hiddenSize: number): Float32Array {
  const bytes = count * hiddenSize * HIDDEN_VALUE_BYTES[format];
  if (!(Number.isInteger(count) && count > 0 && count <= MAX_FRAME_POSITIONS && payload.byteLength === bytes)) {
    throw new InvalidInputError(
      `${payload.byteLength} bytes are no ${count} hidden states of ${hiddenSize} ${format}.`,
    );
  }
  const rows = format === 'f16' ? float16.decode(payload) : singles(payload);
  if (!(largestMagnitude(rows) < Number.POSITIVE_INFINITY)) {
    throw new InvalidInputError('A hidden value is not finite.');
  }
  return rows;
}

/** Positions of one piece; a single one may be larger than the cap. */
const mostPositions = (hiddenSize: number, format: HiddenFormat): number =>
  Math.max(
    1,
    Math.min(MAX_FRAME_POSITIONS, Math.floor(MAX_HIDDEN_PAYLOAD_BYTES / (hiddenSize * HIDDEN_VALUE_BYTES[format]))),
  );

/** NaN where one of them is. */
function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (const value of values) {
    const magnitude = Math.abs(value);
    if (!(magnitude <= largest)) largest = magnitude;
    if (Number.isNaN(magnitude)) break;
  }
  return largest;
}

function singles(payload: Uint8Array<ArrayBuffer>): Float32Array {
  const { buffer, byteOffset } = payload.byteOffset % 4 === 0 ? payload : payload.slice();
  return new Float32Array(buffer, byteOffset, payload.byteLength / 4);
}
