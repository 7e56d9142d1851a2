import { all, type Row, run, type Step } from '../../sql/statement.ts';
import { GIVEN_UP } from './part-states.ts';

export interface Dropped {
  parts: number;
  /** Pushes among them whose source was removed. */
  ofNone: number;
}

/** Drops parts whose `--ttl` has ended; `where` has the time as `?1`. Pushes among them are told with the next text. */
export function* dropLate(where: string, nowMs: number, ...of: (string | number)[]): Step<Dropped> {
  const rows = yield* all(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = 'ttl', finished_at = ?1 WHERE ${where} RETURNING source, run_id, state`,
    nowMs,
    ...of,
  );
  let ofNone = 0;
  for (const [source, count] of pushesIn(rows)) {
    const add = 'UPDATE sources SET uncounted = uncounted + ? WHERE name = ?';
    if ((yield* run(add, count, source)) === 0) ofNone += count;
  }
  return { parts: rows.length, ofNone };
}

/** How many pushes of each source are among parts; one that may have arrived does not count. */
function pushesIn(parts: readonly Row[]): Map<string, number> {
  const pushes = new Map<string, Set<unknown>>();
  for (const { source, run_id, state } of parts)
    if (source !== null && state === 'expired')
      pushes.set(source as string, (pushes.get(source as string) ?? new Set()).add(run_id));
  return new Map([...pushes].map(([source, runs]) => [source, runs.size]));
}
