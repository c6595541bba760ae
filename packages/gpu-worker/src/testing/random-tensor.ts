import type { TensorType } from '@opengateway/core';

export interface RandomTensorOptions {
  readonly type: TensorType;
  readonly bytes: number;
  /** Standard deviation of the decoded values. */
  readonly spread: number;
  /** Of the decoded values; only F32 and F16 can have another than 0. */
  readonly mean: number;
}

/** Standard deviation of equally likely integers of n values is √((n² - 1) / 12). */
const NIBBLE_DEVIATION = Math.sqrt((16 ** 2 - 1) / 12);
const BYTE_DEVIATION = Math.sqrt((255 ** 2 - 1) / 12);

/** Encoded bytes of a tensor whose values are random, of about the wanted spread. */
export function randomTensorBytes(random: () => number, options: RandomTensorOptions): Uint8Array {
  const { bytes, spread, mean } = options;
  const view = new DataView(new ArrayBuffer(bytes));
  const value = () => mean + spread * Math.sqrt(12) * (random() - 0.5);
  // Blocks differ in scale, as trained ones do.
  const blockScale = (deviation: number) => (spread / deviation) * (0.5 + random());
  const fill = (offset: number, length: number, next: () => number) => {
    for (let i = 0; i < length; i++) view.setUint8(offset + i, next());
  };
  const anyByte = () => Math.floor(random() * 256);
  switch (options.type) {
    case 'F32':
      for (let offset = 0; offset < bytes; offset += 4) view.setFloat32(offset, value(), true);
      break;
    case 'F16':
      for (let offset = 0; offset < bytes; offset += 2) view.setUint16(offset, float16Bits(value()), true);
      break;
    case 'Q8_0':
      for (let offset = 0; offset < bytes; offset += 34) {
        view.setUint16(offset, float16Bits(blockScale(BYTE_DEVIATION)), true);
        // ggml never writes -128: its scale is the largest magnitude over 127.
        fill(offset + 2, 32, () => Math.floor(random() * 255) - 127);
      }
      break;
    case 'Q4_0':
      for (let offset = 0; offset < bytes; offset += 18) {
        view.setUint16(offset, float16Bits(blockScale(NIBBLE_DEVIATION)), true);
        fill(offset + 2, 16, anyByte);
      }
      break;
    case 'Q4_1':
      for (let offset = 0; offset < bytes; offset += 20) {
        const scale = blockScale(NIBBLE_DEVIATION);
        view.setUint16(offset, float16Bits(scale), true);
        view.setUint16(offset + 2, float16Bits(-7.5 * scale), true);
        fill(offset + 4, 16, anyByte);
      }
      break;
    default:
      options.type satisfies never;
  }
  return new Uint8Array(view.buffer);
}

/** Nearest half-precision bits of a finite number of magnitude below 65,504; the smallest become subnormal. */
export function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // Rounding up to the next power of two carries from the fraction into the exponent by itself.
  const fraction = Math.round(magnitude * 2 ** (10 - exponent));
  return sign | (exponent === -14 ? fraction : ((exponent + 14) << 10) + fraction);
}
