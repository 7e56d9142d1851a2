/** `10:31:02` in local time. */
export function localTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
}

/** `2026-11-28 23:51` in local time, whatever the locale: people read it, sort it, and search for it. */
export function localMinute(time: number | string): string {
  const at = new Date(time);
  const year = String(at.getFullYear()).padStart(4, '0');
  return `${[year, two(at.getMonth() + 1), two(at.getDate())].join('-')} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The same of what may not have happened yet. */
export function minuteOrDash(timeMs: number | null): string {
  return timeMs === null ? '-' : localMinute(timeMs);
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
