import { WxError } from './errors.ts';

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** Parses `1500ms`, `30s`, `8m`, `24h`, `7d` to milliseconds; only 0 is bare (contract 1). Throws WxError `usage`. */
export function parseDurationMs(text: string, flag: string): number {
  return parseUnit(text, flag, 'duration', DURATION_MS, 's');
}

/** Parses `16KiB`, `100MiB`, `2GB` to bytes; only 0 is bare (contract 1). Throws WxError `usage`. */
export function parseSizeBytes(text: string, flag: string): number {
  return parseUnit(text, flag, 'size', SIZE_BYTES, 'MiB');
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
  what: string,
  units: Readonly<Record<string, number>>,
  usual: string,
): number {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text);
  const unit = match?.[2] ? units[match[2]] : undefined;
  if (match && unit !== undefined) return Math.round(Number(match[1]) * unit);
  const known = Object.keys(units).join(', ');
  throw new WxError('usage', `${flag} takes a ${what} with its unit (${known}), not "${text}"`, {
    hint: match && !match[2] ? `${flag} ${match[1]}${usual}` : undefined,
  });
}

/** Parses a whole number of at least `min`. Throws WxError `usage`. */
export function parseCount(text: string, flag: string, min: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min) return value;
  throw new WxError('usage', `${flag} takes a whole number of at least ${min}, not "${text}"`);
}
