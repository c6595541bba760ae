// GGUF rows (source of each format: ggml's block layouts) to the layouts of the products: four rows at a time.
// `rows` is what lies at `source`; a last group of fewer than four rows is filled with zeros.
import { halfToFloat } from './half';

/** Q4_1: per row and block, 20 bytes: d f16, m f16, 16 bytes of nibbles. */
export function repackQ4_1(source: usize, out: usize, rows: i32, blocks: i32): void {
  repackQ4(source, out, rows, blocks, 20);
}

/** Q4_0: per row and block, 18 bytes: d f16, 16 bytes of nibbles; a weight is d * (nibble - 8). */
export function repackQ4_0(source: usize, out: usize, rows: i32, blocks: i32): void {
  repackQ4(source, out, rows, blocks, 18);
}

// @ts-ignore: decorator
@inline
function repackQ4(source: usize, out: usize, rows: i32, blocks: i32, blockBytes: usize): void {
  const groupBytes = <usize>blocks * 80;
  for (let r = 0; r < rows; r += 4) {
    memory.fill(out, 0, groupBytes);
    for (let lane = 0; lane < min(4, rows - r); lane++) {
      let from = source + <usize>(r + lane) * <usize>blocks * blockBytes;
      let scales = out + ((<usize>lane) << 1);
      let nibbles = out + 16 + ((<usize>lane) << 2);
      for (let b = 0; b < blocks; b++) {
        const d = load<u16>(from);
        store<u16>(scales, d);
        store<u16>(scales, blockBytes == 20 ? load<u16>(from, 2) : timesMinusEight(d), 8);
        const quants = from + blockBytes - 16;
        for (let g: usize = 0; g < 16; g += 4) store<u32>(nibbles + (g << 2), load<u32>(quants + g));
        from += blockBytes;
        scales += 80;
        nibbles += 80;
      }
    }
    out += groupBytes;
  }
}

/** -8 h in half precision: exact, also for denormals; what overflows a half has no business as a scale. */
function timesMinusEight(half: u16): u16 {
  const negated = <u32>half ^ 0x8000;
  const exponent = (half >> 10) & 31;
  if (exponent) return <u16>(negated + (3 << 10));
  const sign = negated & 0x8000;
  let mantissa = (<u32>half & 0x3ff) << 3, e: u32 = 1;
  if (mantissa < 0x400) return <u16>(sign | mantissa);
  while (mantissa >= 0x800) mantissa >>= 1, e++;
  return <u16>(sign | (e << 10) | (mantissa & 0x3ff));
}

/** Q8_0: per row and block, 34 bytes: d f16, 32 int8. */
export function repackQ8_0(source: usize, out: usize, rows: i32, blocks: i32): void {
  const rowBytes = <usize>blocks * 34;
  for (let r = 0; r < rows; r += 4) {
    memory.fill(out, 0, <usize>blocks * 144);
    for (let lane = 0; lane < min(4, rows - r); lane++) {
      let s = source + <usize>(r + lane) * rowBytes,
        o = out + ((<usize>lane) << 2);
      for (let b = 0; b < blocks; b++) {
        store<f32>(o, halfToFloat(load<u16>(s)));
        for (let g: usize = 0; g < 8; g++) store<u32>(o + 16 + (g << 4), load<u32>(s + 2 + (g << 2)));
        s += 34;
        o += 144;
      }
    }
    out += <usize>blocks * 144;
  }
}

/** F32 rows to [column][4 rows]. */
export function repackF32(source: usize, out: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r += 4) {
    memory.fill(out, 0, <usize>columns * 16);
    for (let lane = 0; lane < min(4, rows - r); lane++) {
      const s = source + <usize>(r + lane) * <usize>columns * 4;
      for (let c: usize = 0; c < <usize>columns; c++)
        store<u32>(out + (c << 4) + ((<usize>lane) << 2), load<u32>(s + (c << 2)));
    }
    out += <usize>columns * 16;
  }
}

/** F16 rows to [column][4 rows]. */
export function repackF16(source: usize, out: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r += 4) {
    memory.fill(out, 0, <usize>columns * 8);
    for (let lane = 0; lane < min(4, rows - r); lane++) {
      const s = source + <usize>(r + lane) * <usize>columns * 2;
      for (let c: usize = 0; c < <usize>columns; c++)
        store<u16>(out + (c << 3) + ((<usize>lane) << 1), load<u16>(s + (c << 1)));
    }
    out += <usize>columns * 8;
  }
}
