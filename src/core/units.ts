import { WxError } from './errors.ts';

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** As people type them: a bare K, M or G is what `ls -h`, `dd` and `du` mean by it. Without case: no byte is a bit. */
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  K: 1_024,
  KB: 1_000,
  KiB: 1_024,
  M: 1_048_576,
  MB: 1_000_000,
  MiB: 1_048_576,
  G: 1_073_741_824,
  GB: 1_000_000_000,
  GiB: 1_073_741_824,
};
const SIZE_UNITS = new Map(Object.entries(SIZE_BYTES).map(([unit, bytes]) => [unit.toLowerCase(), bytes]));

/** A hundred years: beyond, times have no date any more. */
const LONGEST_DAYS = 36_500;

/** Parses `1500ms`, `30s`, `8m`, `24h`, `7d` to milliseconds; only 0 needs no unit. Throws WxError `usage`. */
export function parseDurationMs(text: string, flag: string): number {
  const ms = parseUnit(
    text,
    flag,
    { what: 'duration', known: DURATION_MS, usual: 's' },
    (unit) => DURATION_MS[unit],
  );
  if (ms <= LONGEST_DAYS * 86_400_000) return ms;
  throw new WxError('usage', `${flag} takes at most ${LONGEST_DAYS}d, not "${text}"`);
}

/** `26h`, `90m`, `500ms`: a duration as it is typed, in the largest unit that fits without a rest. */
export function shownDuration(ms: number): string {
  const units = Object.entries(DURATION_MS).reverse();
  const [unit, unitMs] = units.find(([, one]) => ms >= one && ms % one === 0) ?? (['ms', 1] as const);
  return `${ms / unitMs}${unit}`;
}

/** Parses `16KiB`, `10M`, `2 GB` to bytes; only 0 needs no unit. Throws WxError `usage`. */
export function parseSizeBytes(text: string, flag: string): number {
  const units = { what: 'size', known: SIZE_BYTES, usual: 'MiB' };
  return parseUnit(text, flag, units, (unit) => SIZE_UNITS.get(unit.toLowerCase()));
}

/** `1000 B`, `1.5 KiB`, `100 MiB`: a size as people are told it. */
export function shownSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1_024 && unit < units.length - 1; unit++) size /= 1_024;
  return `${Number(size.toFixed(1))} ${units[unit]}`;
}

function parseUnit(
  text: string,
  flag: string,
  { what, known, usual }: { what: string; known: Readonly<Record<string, number>>; usual: string },
  sizeOf: (unit: string) => number | undefined,
): number {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?) ?([a-zA-Z]*)$/.exec(text);
  const unit = match?.[2] ? sizeOf(match[2]) : undefined;
  const value = match && unit !== undefined ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  const units = Object.keys(known).join(', ');
  throw new WxError('usage', `${flag} takes a ${what} with its unit (${units}), not "${text}"`, {
    hint: match && !match[2] ? `${flag} ${match[1]}${usual}` : undefined,
  });
}

/** Parses a whole number from `min` to `max`. Throws WxError `usage`. */
export function parseCount(text: string, flag: string, min: number, max = Number.POSITIVE_INFINITY): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new WxError('usage', `${flag} takes a whole number ${range}, not "${text}"`);
}
