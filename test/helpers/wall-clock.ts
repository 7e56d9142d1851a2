import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A wall clock that a test sets for the programs it starts, while they run. */
export interface WallClock {
  /** Environment of the programs that are to read it. */
  env: Record<string, string>;
  /** Sets it this many milliseconds before (negative) or after the true time. */
  set(shiftMs: number): void;
}

/** Milliseconds of the clocks people set. */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A clock that shows the true time until it is set. Its file lies in the test's `folder`. */
export function wallClock(folder: string): WallClock {
  const file = join(folder, 'clock-shift');
  const preload = fileURLToPath(new URL('../fixtures/shifted-clock.mjs', import.meta.url));
  const set = (shiftMs: number): void => writeFileSync(file, String(shiftMs));
  set(0);
  return { env: { NODE_OPTIONS: `--import=${pathToFileURL(preload)}`, CLOCK_SHIFT: file }, set };
}
