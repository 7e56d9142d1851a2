import { uptime } from 'node:os';
import { atMostEvery, type Clock } from '../core/time/clock.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import { bootId } from '../home/process-identity.ts';
import { one, run, type Statement, type Step, type Together, together } from '../sql/statement.ts';

const SAVE_EVERY_MS = 60_000;
/** How long the time of another boot is kept: on a server it may be that of another machine. */
const KEEP_MS = 30 * 24 * 3_600_000;

export type LearningClock = Clock & Partial<Pick<SteadyClock, 'learnServerTime' | 'serverNow'>>;

/** Sets a clock to the server's time that earlier processes learned since the boot: a home has the same ages. */
export function* restoreServerTime(clock: LearningClock): Step<void> {
  const boot = bootId();
  if (!clock.learnServerTime || boot === null) return;
  const row = yield* one('SELECT uptime_ms, time_ms FROM server_time WHERE boot = ?', boot);
  if (!row) return;
  const sinceMs = uptimeMs() - (row.uptime_ms as number);
  if (sinceMs >= 0) clock.learnServerTime((row.time_ms as number) + sinceMs);
}

const SAVE = `INSERT INTO server_time (boot, uptime_ms, time_ms) VALUES (?1, ?2, ?3)
  ON CONFLICT (boot) DO UPDATE SET uptime_ms = ?2, time_ms = ?3`;

/** Saves the server's time that this process learned, with steps that write anyway. null: that time has not come. */
export function createServerTimeSaver(clock: LearningClock): () => Together<Statement<number>[]> | null {
  const isDue = atMostEvery(SAVE_EVERY_MS, clock);
  return () => {
    const timeMs = clock.serverNow?.() ?? null;
    const boot = bootId();
    if (timeMs === null || boot === null || !isDue()) return null;
    return together(
      run('DELETE FROM server_time WHERE boot <> ? AND time_ms < ?', boot, timeMs - KEEP_MS),
      run(SAVE, boot, uptimeMs(), timeMs),
    );
  };
}

/** Time since the machine booted, sleep included. */
function uptimeMs(): number {
  return Math.round(uptime() * 1_000);
}
