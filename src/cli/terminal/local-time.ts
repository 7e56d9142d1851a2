/** `10:31:02` in local time. */
export function localTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
}

/** `2026-11-28 23:51` in local time, whatever the locale: people read it, sort it, and search for it. */
export function localMinute(at: Date): string {
  const day = [String(at.getFullYear()).padStart(4, '0'), two(at.getMonth() + 1), two(at.getDate())].join(
    '-',
  );
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
