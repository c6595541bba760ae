// A page holds PAGE positions of all layers. Per layer and key/value head, in halves:
// keys transposed [headSize][PAGE], so that scores of neighbouring positions are vector lanes; values [PAGE][headSize].
import { floatsToHalves } from './half';

/** Positions per page; `PAGE_POSITIONS` of memory.ts. */
export const PAGE: i32 = 32;

/** Writes one position's keys and values, f32 [heads][headSize], to `slot` of a page's layer at `base`. */
export function storeKeyValue(base: usize, slot: i32, keys: usize, values: usize, heads: i32, headSize: i32): void {
  const headBytes = <usize>headSize * PAGE * 2;
  for (let h = 0; h < heads; h++) {
    let key = base + ((<usize>slot) << 1);
    let value = base + headBytes + ((<usize>slot * headSize) << 1);
    for (let c = 0; c < headSize; c += 4) {
      const k = floatsToHalves(v128.load(keys));
      store<u16>(key, i32x4.extract_lane(k, 0));
      store<u16>(key + PAGE * 2, i32x4.extract_lane(k, 1));
      store<u16>(key + PAGE * 4, i32x4.extract_lane(k, 2));
      store<u16>(key + PAGE * 6, i32x4.extract_lane(k, 3));
      const v = floatsToHalves(v128.load(values));
      v128.store64_lane(value, i16x8.narrow_i32x4_u(v, v), 0);
      keys += 16;
      values += 16;
      key += PAGE * 8;
      value += 8;
    }
    base += 2 * headBytes;
  }
}
