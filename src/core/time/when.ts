import { WxError } from '../errors.ts';
import { parseDurationMs } from '../units.ts';

const DAYS: Readonly<Record<string, number>> = { today: 0, tomorrow: 1, 今天: 0, 明天: 1, 后天: 2 };
/** Further ahead is a slip. */
const LATEST_DAYS = 366;

/** Reads `+2h`, `9:00`, `tomorrow 9:00`, `2026-12-01 09:00` (local), or ISO with a zone. Throws WxError `usage`. */
export function parseWhen(text: string, flag: string, nowMs: number): number {
  const atMs = readWhen(text.trim(), flag, nowMs);
  if (atMs === null)
    throw new WxError('usage', `${flag} takes a time such as +2h, 9:00 or "tomorrow 9:00", not "${text}"`, {
      hint: `${flag} 'tomorrow 9:00'`,
    });
  if (atMs <= nowMs) throw new WxError('usage', `${flag} "${text}" is past already`);
  if (atMs > nowMs + LATEST_DAYS * 86_400_000)
    throw new WxError('usage', `${flag} takes a time within ${LATEST_DAYS} days, not "${text}"`);
  return atMs;
}

function readWhen(text: string, flag: string, nowMs: number): number | null {
  if (text.startsWith('+')) return nowMs + parseDurationMs(text.slice(1).trim(), flag);
  const [, named, hour, minute] = /^(?:(\p{L}+)\s*)?(\d{1,2})[:：](\d\d)$/u.exec(text) ?? [];
  if (hour !== undefined && minute !== undefined) {
    const days = named === undefined ? 0 : DAYS[named.toLowerCase()];
    if (days === undefined || Number(hour) > 23 || Number(minute) > 59) return null;
    const today = new Date(nowMs);
    const on = (ahead: number): number =>
      new Date(
        today.getFullYear(),
        today.getMonth(),
        today.getDate() + ahead,
        Number(hour),
        Number(minute),
      ).getTime();
    return named === undefined && on(0) <= nowMs ? on(1) : on(days);
  }
  const iso =
    /^(\d{4})-(\d\d)-(\d\d)(?:T(?=\d\d)| )(\d\d?)(:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)?)$/.exec(
      text,
    );
  if (!iso) return null;
  const [, year, month, day, hourOfDay = '', rest] = iso;
  const atMs = Date.parse(`${year}-${month}-${day}T${hourOfDay.padStart(2, '0')}${rest}`);
  // JavaScript takes the 31st of June for the 1st of July.
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number.isNaN(atMs) || Number(day) > lastDay ? null : atMs;
}
