const PATHS = {
  copy: 'M9 9h10v10H9zM5 15V5h10',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  stop: 'M7 7h10v10H7z',
  send: 'M12 19V5m-6 6 6-6 6 6',
  menu: 'M4 7h16M4 12h16M4 17h16',
  plus: 'M12 5v14M5 12h14',
  refresh: 'M19 12a7 7 0 1 1-2-5m2-3v4h-4',
  edit: 'm5 19 1-4L16 5l3 3L9 18zM14 7l3 3',
  trash: 'M5 7h14M10 7V5h4v2m-7 0 1 12h8l1-12',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  download: 'M12 5v10m-4-4 4 4 4-4M5 19h14',
  close: 'm6 6 12 12M18 6 6 18',
  play: 'M8 5.5v13l10-6.5z',
  pause: 'M9 6v12M15 6v12',
  up: 'm7 14 5-5 5 5',
  down: 'm7 10 5 5 5-5',
  globe:
    'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M3.5 12h17M12 3.5c2.4 2.4 3.4 5.2 3.4 8.5s-1 6.1-3.4 8.5c-2.4-2.4-3.4-5.2-3.4-8.5s1-6.1 3.4-8.5',
  tune: 'M4 8h10m4 0h2M4 16h2m4 0h10M16 6v4M8 14v4',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside (or instead of) words; the words are the name. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width={name === 'more' ? 3 : 1.75}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
