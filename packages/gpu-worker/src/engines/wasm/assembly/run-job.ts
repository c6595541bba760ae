// What a chunk of a job computes.
import { attendHead, headScores, headValues, weigh } from './attention';
import { swiglu } from './elementwise';
import {
  ATTENTION, MATMUL_F16, MATMUL_F32, MATMUL_Q4, MATMUL_Q8, SCORES, SWIGLU_FLOATS_PER_UNIT, VALUES, WEIGHTS, scratch,
} from './job-block';
import { matmulF16, matmulF32 } from './matmul-float';
import { matmulQ4 } from './matmul-q4';
import { matmulQ8 } from './matmul-q8';

/** Units `[first, first + count)` of an entry. */
export function runJob(entry: usize, first: i32, count: i32): void {
  const a = load<usize>(entry, 16), b = load<usize>(entry, 20), c = load<usize>(entry, 24), d = load<usize>(entry, 28);
  const e = load<usize>(entry, 32), f = load<i32>(entry, 36), g = load<i32>(entry, 40), h = load<usize>(entry, 44);
  const i = load<i32>(entry, 48);
  switch (load<i32>(entry)) {
    case MATMUL_Q4:
      matmulQ4(a + <usize>first * f * 80, b, c, d, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_Q8:
      matmulQ8(a + <usize>first * f * 144, b, c, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_F32:
      matmulF32(a + <usize>first * f * 16, b, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case MATMUL_F16:
      matmulF16(a + <usize>first * f * 8, b, e + (<usize>first << 4), count << 2, f, g, h);
      return;
    case ATTENTION: {
      // a queries, b pages, c layer offset, d scores stride, e out, f key/value heads, g group, h head size, i length
      const headBytes = h << 2, rowBytes = <usize>(f * g) * headBytes;
      for (let unit = first; unit < first + count; unit++) {
        const row = unit / f, head = unit % f;
        const at = <usize>row * rowBytes + <usize>(head * g) * headBytes;
        attendHead(a + at, b, c + <usize>head * headBytes * 32, g, <i32>h, i + row, scratch, d, e + at);
      }
      return;
    }
    case SCORES: {
      // as ATTENTION, and scores for e
      const pages = (i + 31) >> 5, headBytes = h << 2;
      for (let unit = first; unit < first + count; unit++) {
        const head = unit / pages, from = (unit % pages) << 5, queries = head * g;
        headScores(
          a + <usize>queries * headBytes, b, c + <usize>head * headBytes * 32, g, <i32>h,
          from, min(from + 32, i), e + <usize>queries * d, d,
        );
      }
      return;
    }
    case WEIGHTS:
      for (let row = first; row < first + count; row++) weigh(e + <usize>row * d, i);
      return;
    case VALUES: {
      // as ATTENTION, and weights for a
      const blocks = <i32>h >> 3, headBytes = h << 2;
      for (let unit = first, end = first + count; unit < end; ) {
        const head = unit / blocks, from = unit % blocks, to = min(blocks, from + end - unit), queries = head * g;
        headValues(
          a + <usize>queries * d, d, b, c + <usize>head * headBytes * 32, g, <i32>h, i,
          from << 3, to << 3, e + <usize>queries * headBytes,
        );
        unit += to - from;
      }
      return;
    }
    default: {
      const start = (<usize>first * SWIGLU_FLOATS_PER_UNIT) << 2;
      swiglu(a + start, b + start, min(count * SWIGLU_FLOATS_PER_UNIT, f - first * SWIGLU_FLOATS_PER_UNIT));
    }
  }
}
