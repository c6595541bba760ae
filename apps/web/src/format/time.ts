const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A measured span: `82 ms`, `0.31 s`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatSpan(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR_MS) return join(Math.floor(ms / MINUTE_MS), 'min', Math.floor((ms % MINUTE_MS) / 1000), 's');
  return join(Math.floor(ms / HOUR_MS), 'h', Math.floor((ms % HOUR_MS) / MINUTE_MS), 'min');
}

/** A short span, precise below ten: `1.2 ms`, `31 ms`. */
export const formatMilliseconds = (ms: number): string => (ms < 9.95 ? `${ms.toFixed(1)} ms` : formatSpan(ms));

/** A round trip, which libp2p measures in whole milliseconds: `under 1 ms`, `3 ms`. */
export const formatRoundTrip = (ms: number): string => (ms < 1 ? 'under 1 ms' : formatSpan(ms));

/** An estimate, rounded so that it does not flicker: `20 s`, `2 min`. */
export function formatEstimate(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds <= 10) return `${seconds} s`;
  if (seconds < 60) return `${Math.ceil(seconds / 5) * 5} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}

/** How long ago: `now`, `40 s ago`, `4 min ago`, `3 h ago`, then the date. */
export function formatAgo(thenMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - thenMs);
  if (ms < 5_000) return 'now';
  if (ms < MINUTE_MS) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`;
  if (ms < 24 * HOUR_MS) return `${Math.floor(ms / HOUR_MS)} h ago`;
  return day.format(thenMs);
}

/** Time of day, `14:03`. */
export const formatClock = (ms: number): string => clock.format(ms);

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
