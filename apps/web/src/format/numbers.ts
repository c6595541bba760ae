const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Bytes per second of one Mbit/s. */
export const MEGABIT_BYTES = 125_000;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Whole number with separators: `12,480`. */
export const formatCount = (value: number): string => whole.format(value);

/** `1 peer`, `3 peers`. */
export const formatPlural = (value: number, singular: string, plural = `${singular}s`): string =>
  `${formatCount(value)} ${value === 1 ? singular : plural}`;

/** Decimal units, as browsers and disks count: `98 MB`, `1.4 GB`. */
export function formatBytes(bytes: number): string {
  const { value, unit } = scaleBytes(bytes, bytes);
  return `${value} ${unit}`;
}

/** `1.2 MB/s`. */
export const formatByteRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

/** Two amounts in the unit of the larger: `34 of 98 MB`. */
export function formatBytesOf(done: number, total: number): string {
  const scaled = scaleBytes(total, total);
  return `${scaleBytes(done, total).value} of ${scaled.value} ${scaled.unit}`;
}

/** Tokens per second: one decimal below ten, none above; `0` as such. */
export function formatRate(tokensPerSecond: number): string {
  if (tokensPerSecond === 0) return '0';
  return tokensPerSecond < 10 ? one.format(tokensPerSecond) : whole.format(tokensPerSecond);
}

function scaleBytes(bytes: number, scaleOf: number): { value: string; unit: string } {
  const power = Math.min(BYTE_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, scaleOf)) / 3)));
  const scaled = bytes / 1000 ** power;
  const value = power === 0 || scaleOf / 1000 ** power >= 10 ? whole.format(scaled) : one.format(scaled);
  return { value, unit: BYTE_UNITS[power] ?? 'B' };
}
