import type { Row } from '../../sqlite/database.ts';

/**
 * Milliseconds until a stored time, 0 for none. One further off than any that is stored means that the clock was
 * set back, and counts as now.
 */
export function timeLeft(at: Row[string] | undefined, nowMs: number, longestMs: number): number {
  const leftMs = ((at as number | null | undefined) ?? 0) - nowMs;
  return leftMs > longestMs ? 0 : Math.max(0, leftMs);
}
