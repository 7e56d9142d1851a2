import { uptime } from 'node:os';
import type { Clock } from '../core/time/clock.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import { bootId } from '../home/process-identity.ts';
import type { Database } from '../sqlite/database.ts';

const SAVE_EVERY_MS = 60_000;

/** A clock that may learn the time from servers. */
export type LearningClock = Clock & Partial<Pick<SteadyClock, 'learnServerTime' | 'serverNow'>>;

/**
 * Sets a clock to the server's time that earlier processes learned since the machine booted: then all processes of a
 * home compute the same ages, whatever the wall clock shows when they start.
 */
export function restoreServerTime(database: Database, clock: LearningClock): void {
  const boot = bootId();
  if (!clock.learnServerTime || boot === null) return;
  const row = database.one('SELECT uptime_ms, time_ms FROM server_time WHERE boot = ?', boot);
  if (!row) return;
  const sinceMs = uptimeMs() - (row.uptime_ms as number);
  if (sinceMs >= 0) clock.learnServerTime((row.time_ms as number) + sinceMs);
}

/** Saves, from time to time, the server's time that this process learned; called in steps that write anyway. */
export function createServerTimeSaver(clock: LearningClock): (database: Database) => void {
  let savedAtMs = Number.NEGATIVE_INFINITY;
  return (database) => {
    const timeMs = clock.serverNow?.() ?? null;
    const boot = bootId();
    if (timeMs === null || boot === null || clock.monotonic() - savedAtMs < SAVE_EVERY_MS) return;
    savedAtMs = clock.monotonic();
    database.run('DELETE FROM server_time WHERE boot <> ?', boot);
    database.run(
      `INSERT INTO server_time (boot, uptime_ms, time_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (boot) DO UPDATE SET uptime_ms = ?2, time_ms = ?3`,
      boot,
      uptimeMs(),
      timeMs,
    );
  };
}

/** Time since the machine booted, sleep included. */
function uptimeMs(): number {
  return Math.round(uptime() * 1_000);
}
