/** Fields as they may come off the wire: a missing one, or one of a wrong type, is none. */

/** Whether a value is an object with named fields. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text; '' is how the wire says none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** An id as a string; 0 is how the wire says none. */
export function idOf(value: unknown): string | null {
  const id = typeof value === 'number' ? String(value) : textOf(value);
  return id === '0' ? null : id;
}

/** A whole number from 1 up to `max`; int64 values may come as strings, and 0 is how the wire says none. */
export function countOf(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number | null {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number >= 1 && number <= max ? Math.floor(number) : null;
}
