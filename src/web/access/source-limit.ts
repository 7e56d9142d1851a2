import { WxError } from '../../core/errors.ts';
import { parseDurationMs } from '../../core/units.ts';
import type { Source } from '../../store/port/port.ts';

const MOST_TEXTS = 1_000;

/** Parses `6/h`, `2/10m`, `100/d`: so many texts in a time. Throws WxError `usage`. */
export function parseLimit(text: string, flag: string): NonNullable<Source['limit']> {
  const [, count, number = '1', unit] = /^(\d{1,4})\/(\d{1,6})?(s|m|h|d)$/.exec(text) ?? [];
  const perMs = unit === undefined ? 0 : parseDurationMs(`${number}${unit}`, flag);
  if (perMs > 0 && Number(count) > 0 && Number(count) <= MOST_TEXTS) return { count: Number(count), perMs };
  throw new WxError('usage', `${flag} takes so many texts in a time, such as 6/h, not "${text}"`, {
    hint: `${flag} 6/h`,
  });
}
