import { expect } from 'vitest';

/** Waits with full jitter: as many as `mostMs` has, each anything up to that. */
export function expectJittered(waitsMs: readonly (number | null)[], mostMs: readonly number[]): void {
  const tooLong = waitsMs.filter((ms, n) => ms === null || ms < 0 || ms > (mostMs[n] ?? -1));
  expect({ waits: waitsMs.length, tooLong }).toEqual({ waits: mostMs.length, tooLong: [] });
}
