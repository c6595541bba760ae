/** Part of every day, in minutes since midnight, local time; it may go over midnight. The same twice is all day. */
export interface Hours {
  readonly from: number;
  readonly to: number;
}

const DAY_MINUTES = 24 * 60;

/** Whether a moment lies within; the end itself does not. */
export function withinHours({ from, to }: Hours, minutes: number): boolean {
  if (from === to) return true;
  return from < to ? minutes >= from && minutes < to : minutes >= from || minutes < to;
}

/** Minutes since midnight, local time, of milliseconds since the epoch. */
export function minutesOfDay(ms: number): number {
  const date = new Date(ms);
  return date.getHours() * 60 + date.getMinutes();
}

/** `22:00`, as a time field has it. */
export const formatMinutes = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** Minutes of `22:00`; null for anything else. */
export function parseMinutes(text: string): number | null {
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined) return null;
  const total = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && total < DAY_MINUTES ? total : null;
}

/** Whether a stored value is one. */
export function isHours(value: unknown): value is Hours {
  const { from, to } = (value ?? {}) as Partial<Hours>;
  return isMinute(from) && isMinute(to);
}

const isMinute = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < DAY_MINUTES;
