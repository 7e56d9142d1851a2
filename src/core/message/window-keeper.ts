import { isQuiet, type QuietHours, quietSinceMs } from '../time/quiet-hours.ts';

/** Asks users for a word before their window ends (`--keep-window`), as it is stored for an account. */
export interface WindowKeeper {
  /** It asks nobody in these hours; null: at any time. */
  quietHours: QuietHours | null;
  /** What it asks with; null: a text in the language of the user. */
  text: string | null;
}

/** So long before the end of a window its user is asked: time enough to see it. */
const LEAD_MS = 2 * 60 * 60_000;
/** So long before quiet hours in which the time of asking would be. */
const BEFORE_QUIET_MS = 15 * 60_000;

/** When a user is asked whose window ends then. */
export function askTimeMs(windowEndsAtMs: number, { quietHours }: WindowKeeper): number {
  const atMs = windowEndsAtMs - LEAD_MS;
  if (quietHours === null || !isQuiet(atMs, quietHours)) return atMs;
  return quietSinceMs(atMs, quietHours) - BEFORE_QUIET_MS;
}
