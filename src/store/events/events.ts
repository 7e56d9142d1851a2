import { sql } from '../../sql/dialect.ts';
import { all, one, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import type { EventCount, EventKind, EventPlace, Events, Following, StateEvent } from '../port/port.ts';
import { END_LOG, EVENTS_KEPT_MS, WANTED_UNTIL, WRITE_LOG } from './event-schema.ts';

/** How many events a message makes, at the most that is usual. */
const OF_A_MESSAGE = 8;
/** The rows of events are short. */
const BATCH = 2_000;

/**
 * The order of events. On SQLite there is one writer at a time. On PostgreSQL transactions commit in another order than
 * that of their numbers: only what is before every running transaction is read, so that nothing comes in front of it later.
 */
const ORDER = { sqlite: 'seq', postgres: 'xid, seq' };
const KEY = { sqlite: 'seq', postgres: '(xid, seq)' };
const NEWEST_FIRST = { sqlite: 'seq DESC', postgres: 'xid DESC, seq DESC' };
const AFTER = { sqlite: 'xid >= ?1 AND seq > ?2', postgres: '(xid, seq) > (?1, ?2)' };
const FROM = { sqlite: 'xid >= ?1 AND seq >= ?2', postgres: '(xid, seq) >= (?1, ?2)' };
const UP_TO = { sqlite: 'xid <= ?3 AND seq <= ?4', postgres: '(xid, seq) <= (?3, ?4)' };
const IS_SETTLED = {
  sqlite: '1 = 1',
  postgres: 'xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)',
};
/** The newest row of SQLite stays: without any, it would give its numbers again. */
const MAY_GO = { sqlite: 'seq < (SELECT max(seq) FROM events)', postgres: '1 = 1' };

const COLUMNS = 'xid, seq, at, kind, account, "user", message, subject, state, ms';
const NEWEST = sql`SELECT xid, seq, at FROM events WHERE ${IS_SETTLED} ORDER BY ${NEWEST_FIRST} LIMIT 1`;
const FOLLOWING = sql`SELECT ${COLUMNS} FROM events WHERE ${FROM} AND ${IS_SETTLED} ORDER BY ${ORDER} LIMIT ?3`;
const SWEEP = sql`DELETE FROM events
  WHERE (at < ?1 OR seq <= (SELECT seq FROM events ORDER BY ${NEWEST_FIRST} LIMIT 1) - ?2)
    AND ${MAY_GO} AND ${KEY} IN (SELECT ${ORDER} FROM events ORDER BY ${ORDER} LIMIT ${BATCH})`;

/**
 * Has SQLite write the log from now on, for as long as whoever reads it may come back: most stores have no reader, and
 * triggers alone are a tenth of their work. When it was not written in between, nobody's place in it counts any more.
 */
export function* wantEvents(): Step<void> {
  const isOn = yield* run(`UPDATE event_log SET wanted_until = ${WANTED_UNTIL} WHERE wanted_until > 0`);
  if (isOn > 0) return;
  yield* run('DELETE FROM events WHERE seq < (SELECT max(seq) FROM events)');
  // It keeps its number, which would be given again.
  yield* run("UPDATE events SET at = CAST(unixepoch('subsec') * 1000 AS INTEGER)");
  yield* run(`UPDATE event_log SET wanted_until = ${WANTED_UNTIL}`);
  yield* unawaited(...WRITE_LOG.map((sql) => run(sql)));
}

/** Has SQLite write the log no longer when nobody may come back. */
export function* endUnwantedLog(): Step<void> {
  const ended = yield* run(
    'UPDATE event_log SET wanted_until = 0 WHERE wanted_until BETWEEN 1 AND unixepoch()',
  );
  if (ended > 0) yield* unawaited(...END_LOG.map((sql) => run(sql)));
}

export function* newestEvent(): Step<EventPlace | null> {
  const row = yield* one(NEWEST);
  return row ? placeOf(row) : null;
}

export function* eventAt({ xid, seq, atMs }: EventPlace): Step<StateEvent | null> {
  const row = yield* one(
    `SELECT ${COLUMNS} FROM events WHERE seq = ? AND xid = ? AND at = ?`,
    ...[seq, xid, atMs],
  );
  return row ? eventOf(row) : null;
}

export function* eventsAfter({ place, limit }: { place: EventPlace; limit: number }): Step<Following> {
  const rows = yield* all(FOLLOWING, place.xid, place.seq, limit + 1);
  const isThere = rows[0]?.seq === place.seq && rows[0].xid === place.xid && rows[0].at === place.atMs;
  // Before the first event there is none.
  if (!isThere) return { events: rows.slice(0, limit).map(eventOf), isWhole: place.seq === 0 };
  return { events: rows.slice(1).map(eventOf), isWhole: true };
}

export function* eventCounts(input: Parameters<Events['counts']>[0]): Step<EventCount[]> {
  const { after, upTo, limitsMs } = input;
  const cases = limitsMs
    .map((limit) => `WHEN ms <= ${Math.trunc(limit)} THEN ${Math.trunc(limit)}`)
    .join(' ');
  const rows = yield* all(
    sql`SELECT kind, state, within_ms, count(*) AS n, CAST(COALESCE(sum(ms), 0) AS BIGINT) AS total_ms
      FROM (SELECT kind, state, ms, CASE ${cases} END AS within_ms FROM events WHERE ${AFTER} AND ${UP_TO}) AS noted
      GROUP BY kind, state, within_ms`,
    ...[after.xid, after.seq, upTo.xid, upTo.seq],
  );
  return rows.map((row) => ({
    kind: row.kind as EventKind,
    state: row.state as string,
    withinMs: row.within_ms as number | null,
    count: row.n as number,
    ms: row.total_ms as number,
  }));
}

/** Deletes events that are too old, or too many for the messages that are kept. Returns whether there is more. */
export function* sweepEvents(nowMs: number, messages: number): Step<boolean> {
  const swept = yield* run(SWEEP, nowMs - EVENTS_KEPT_MS, messages * OF_A_MESSAGE);
  return swept === BATCH;
}

function placeOf(row: Row): EventPlace {
  return { xid: row.xid as number, seq: row.seq as number, atMs: row.at as number };
}

function eventOf(row: Row): StateEvent {
  return {
    kind: row.kind as EventKind,
    account: row.account as string | null,
    user: row.user as string | null,
    message: row.message as string | null,
    subject: row.subject as string | null,
    state: row.state as string,
    ms: row.ms as number | null,
    ...placeOf(row),
  };
}
