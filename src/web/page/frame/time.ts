import { computed, signal } from '@preact/signals';
import { language } from '../../../page/language.ts';
import { clockAheadMs } from '../api-client/state.ts';
import { frameWords } from './words.ts';

const UNITS = [
  ['day', 24 * 3_600_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

const tick = signal(Date.now());
setInterval(() => {
  tick.value = Date.now();
}, 1_000);

/** The clock of the server, read every second: what runs down runs down by it. */
export const nowMs = computed(() => tick.value + clockAheadMs.value);

/** How long ago something was, or how soon it is, such as "3 min ago". */
export function fromNow(timeMs: number): string {
  const ms = timeMs - nowMs.value;
  const [unit, size] = UNITS.find(([, one]) => Math.abs(ms) >= one) ?? ['second', 1_000];
  if (Math.abs(ms) < 1_000) return frameWords().now;
  const format = new Intl.RelativeTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB', { style: 'short' });
  return format.format(Math.trunc(ms / size), unit);
}

/** A length of time, such as "5 h 12 min". */
export function duration(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [h, min] = language.value === 'zh' ? [' 小时', ' 分钟'] : [' h', ' min'];
  if (minutes < 60) return `${minutes}${min}`;
  return `${Math.floor(minutes / 60)}${h} ${minutes % 60}${min}`;
}
