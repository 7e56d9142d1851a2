import { WxError } from '../errors.ts';

/** Hours of each day in which nothing is said unasked: minutes of the day, local time. They may go over midnight. */
export interface QuietHours {
  fromMinute: number;
  toMinute: number;
}

const DAY_MINUTES = 24 * 60;
const MINUTE_MS = 60_000;

/** Parses `23:00-07:00`. Throws WxError `usage`. */
export function parseQuietHours(text: string, flag: string): QuietHours {
  const match = /^(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)$/.exec(text);
  const [fromHour, fromMinutes, toHour, toMinutes] = (match ?? []).slice(1).map(Number) as number[];
  const fromMinute = minuteOfDay(fromHour, fromMinutes);
  const toMinute = minuteOfDay(toHour, toMinutes) % DAY_MINUTES;
  if (fromMinute < DAY_MINUTES && fromMinute !== toMinute) return { fromMinute, toMinute };
  throw new WxError('usage', `${flag} takes two times of the day, not "${text}"`, {
    hint: `${flag} 23:00-07:00`,
  });
}

function minuteOfDay(hour = Number.NaN, minute = Number.NaN): number {
  const isTime = (hour < 24 && minute < 60) || (hour === 24 && minute === 0);
  return isTime ? hour * 60 + minute : Number.NaN;
}

export function isQuiet(atMs: number, quiet: QuietHours | null): boolean {
  if (quiet === null) return false;
  return (
    minutesSince(quiet.fromMinute, atMs) < (quiet.toMinute - quiet.fromMinute + DAY_MINUTES) % DAY_MINUTES
  );
}

/** When quiet hours begin next, after a time that is in none. */
export function quietFromMs(atMs: number, quiet: QuietHours): number {
  let fromMs = minuteOf(atMs) + (DAY_MINUTES - minutesSince(quiet.fromMinute, atMs)) * MINUTE_MS;
  while (!isQuiet(fromMs, quiet)) fromMs += MINUTE_MS;
  while (isQuiet(fromMs - MINUTE_MS, quiet)) fromMs -= MINUTE_MS;
  return fromMs;
}

/** The beginning of the quiet hours in which a time is. */
export function quietSinceMs(atMs: number, quiet: QuietHours): number {
  let sinceMs = minuteOf(atMs) - minutesSince(quiet.fromMinute, atMs) * MINUTE_MS;
  // In a night in which the clocks change it is later or earlier.
  while (!isQuiet(sinceMs, quiet)) sinceMs += MINUTE_MS;
  while (isQuiet(sinceMs - MINUTE_MS, quiet)) sinceMs -= MINUTE_MS;
  return sinceMs;
}

/** The end of the quiet hours in which a time is. */
export function quietUntilMs(atMs: number, quiet: QuietHours): number {
  let untilMs = minuteOf(atMs) + (DAY_MINUTES - minutesSince(quiet.toMinute, atMs)) * MINUTE_MS;
  while (isQuiet(untilMs, quiet)) untilMs += MINUTE_MS;
  while (!isQuiet(untilMs - MINUTE_MS, quiet)) untilMs -= MINUTE_MS;
  return untilMs;
}

function minuteOf(atMs: number): number {
  return atMs - (atMs % MINUTE_MS);
}

function minutesSince(minute: number, atMs: number): number {
  const at = new Date(atMs);
  return (at.getHours() * 60 + at.getMinutes() - minute + DAY_MINUTES) % DAY_MINUTES;
}

/** `23:00-07:00`, as people write them. */
export function quietHoursShown(quiet: QuietHours): string;
export function quietHoursShown(quiet: QuietHours | null): string | null;
export function quietHoursShown(quiet: QuietHours | null): string | null {
  return quiet && `${timeOf(quiet.fromMinute)}-${timeOf(quiet.toMinute)}`;
}

function timeOf(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((n) => String(n).padStart(2, '0')).join(':');
}
