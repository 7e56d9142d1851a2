import { uptime } from 'node:os';
import type { Clock } from '../core/time/clock.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import { bootId } from '../home/process-identity.ts';
import type { Database } from '../sqlite/database.ts';

const NOTE_EVERY_MS = 60_000;

/** A clock that may learn from servers what time it is. */
export type LearningClock = Clock & Partial<Pick<SteadyClock, 'hear' | 'serverNow'>>;

/**
 * Tells a clock what the processes before this one have learned of the server's time since the machine was started:
 * all processes of a home judge ages alike, whatever the wall clock shows while each of them starts.
 */
export function recallServerTime(database: Database, clock: LearningClock): void {
  const boot = bootId();
  if (!clock.hear || boot === null) return;
  const row = database.one('SELECT uptime_ms, time_ms FROM server_time WHERE boot = ?', boot);
  if (!row) return;
  const sinceMs = uptimeMs() - (row.uptime_ms as number);
  if (sinceMs >= 0) clock.hear((row.time_ms as number) + sinceMs);
}

/** Makes what keeps, now and again, what this process has learned for the next ones; called in steps that write anyway. */
export function createTimeKeeper(clock: LearningClock): (database: Database) => void {
  let notedAtMs = Number.NEGATIVE_INFINITY;
  return (database) => {
    const timeMs = clock.serverNow?.() ?? null;
    const boot = bootId();
    if (timeMs === null || boot === null || clock.monotonic() - notedAtMs < NOTE_EVERY_MS) return;
    notedAtMs = clock.monotonic();
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

/** Since the machine was started, its sleep included. */
function uptimeMs(): number {
  return Math.round(uptime() * 1_000);
}
