import { isQuiet, type QuietHours, quietFromMs, quietSinceMs, quietUntilMs } from '../time/quiet-hours.ts';
import { BUDGET_WINDOW_MS } from './wechat-limits.ts';

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

/** Until when a question may be sent that is asked now, outside of quiet hours: no window is open for longer. */
export function mayAskUntilMs(nowMs: number, { quietHours }: WindowKeeper): number {
  return quietHours === null ? nowMs + BUDGET_WINDOW_MS : quietFromMs(nowMs, quietHours);
}

/** The same as {@link askTimeMs} for who was not asked until now; null: this window ends before they may be. */
export function nextAskTimeMs(windowEndsAtMs: number, keeper: WindowKeeper, nowMs: number): number | null {
  const atMs = askTimeMs(windowEndsAtMs, keeper);
  const { quietHours } = keeper;
  if (atMs > nowMs || quietHours === null || !isQuiet(nowMs, quietHours)) return atMs;
  const untilMs = quietUntilMs(nowMs, quietHours);
  return untilMs < windowEndsAtMs ? untilMs : null;
}
