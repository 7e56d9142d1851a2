/** Fields as they may come off the wire: one of a wrong type counts as missing. */

/** A text; '' is how the wire says none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** What somebody wrote: a text, or a number, which some servers make of one, as its digits. */
export function writtenOf(value: unknown): string | null {
  return textOf(Number.isFinite(value) ? String(value) : value);
}

/** The longest id that is one, in UTF-16 units; real ones have about 30. */
const MAX_ID_CHARS = 512;

/**
 * An id as a string; 0 and blanks are how the wire says none. So is one that would not be the same when it is stored
 * and sent back: a number that JSON has rounded, NUL in it, longer than {@link MAX_ID_CHARS}.
 */
export function idOf(value: unknown): string | null {
  const id = Number.isSafeInteger(value) ? String(value) : exactTextOf(value);
  return id === null || id.length > MAX_ID_CHARS || /^(?:0*|\s+)$/.test(id) ? null : id;
}

/** A text that stays what it is when it is stored; any other counts as missing. */
export function exactTextOf(value: unknown): string | null {
  const text = textOf(value);
  return text?.includes('\0') || !text?.isWellFormed() ? null : text;
}

/** What says something to people: blanks alone count as missing. */
export function wordsOf(value: unknown): string | null {
  const text = writtenOf(value);
  return text === null || text.trim() === '' ? null : text;
}

/** A value of an enumeration; some servers write its number as a text. */
export function enumOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : null;
}

/** A whole number from 1 up to `max`; int64 values may come as strings, and 0 is how the wire says none. */
export function countOf(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number | null {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number >= 1 && number <= max ? Math.floor(number) : null;
}
