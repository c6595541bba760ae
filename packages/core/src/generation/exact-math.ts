/**
 * Logarithm and exponential from additions, multiplications and divisions alone, which IEEE 754 rounds
 * the same everywhere. `Math.log` and `Math.exp` may differ in the last bit between engines, and a
 * sampler that uses them may choose another token in another browser.
 */
const { LN2 } = Math;
const FRACTION_STEPS = 256;

const POWERS = powersOfTwo();
const FRACTIONS = fractionsOfTwo();
const scratch = new DataView(new ArrayBuffer(8));

/** Natural logarithm of a positive normal number; relative error below 1e-15. */
export function naturalLog(value: number): number {
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  scratch.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = scratch.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), |argument| <= 0.1716
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let power = 21; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return exponent * LN2 + 2 * ratio * sum;
}

/** `e ** value` for `value <= 0`; relative error below 1e-13; 0 below the smallest normal number. */
export function exponential(value: number): number {
  if (!(value > -708)) return value === value ? 0 : Number.NaN;
  const steps = Math.floor(value * (FRACTION_STEPS / LN2) + 0.5);
  const rest = value - steps * (LN2 / FRACTION_STEPS);
  const polynomial = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24))));
  const whole = -(steps >> 8);
  return polynomial * (FRACTIONS[steps & 255] as number) * (POWERS[whole] as number);
}

/** `2 ** -i`. */
function powersOfTwo(): Float64Array {
  const table = new Float64Array(1075);
  for (let i = 0, power = 1; i < table.length; i += 1, power /= 2) table[i] = power;
  return table;
}

/** `2 ** (i / 256)`: products of repeated square roots, which are correctly rounded too. */
function fractionsOfTwo(): Float64Array {
  const roots: number[] = [];
  for (let root = Math.sqrt(2), bit = FRACTION_STEPS / 2; bit >= 1; bit /= 2, root = Math.sqrt(root)) roots.push(root);
  return Float64Array.from({ length: FRACTION_STEPS }, (_, index) =>
    roots.reduce((product, root, place) => (index & (128 >> place) ? product * root : product), 1),
  );
}
