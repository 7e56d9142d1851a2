import { RETURNING_SEQ, sql } from '../../sql/dialect.ts';
import { all, insert, one, type Row, run, type Step } from '../../sql/statement.ts';
import { noteAct } from '../access/audit.ts';
import { enqueue } from '../outbox/queue.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import { type PartView, type Scheduled, type ScheduledText, scheduledId } from '../port/port.ts';

const INSERT = sql`INSERT INTO scheduled (account, "user", text, format, at, send_key, send_id, ttl_ms, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ${RETURNING_SEQ}`;

/** Keeps a text until its time. */
export function* schedule(input: Parameters<Scheduled['schedule']>[0]): Step<ScheduledText> {
  const { nowMs, ...text } = input;
  const { account, user, key, id } = text;
  const same =
    id === null
      ? undefined
      : yield* one('SELECT * FROM scheduled WHERE account = ? AND send_id = ?', account, id);
  if (same) return textOf(same);
  if (key !== null)
    yield* run('DELETE FROM scheduled WHERE account = ? AND "user" = ? AND send_key = ?', account, user, key);
  const seq = yield* insert(
    INSERT,
    ...[account, user, Buffer.from(text.text, 'utf8'), text.format, text.atMs, key, id, text.ttlMs, nowMs],
  );
  return { seq, ...text };
}

/** The texts of an account, the next one first. */
export function* scheduledTexts(account: string): Step<ScheduledText[]> {
  return (yield* all('SELECT * FROM scheduled WHERE account = ? ORDER BY at, seq', account)).map(textOf);
}

/** Drops a text. */
export function* unschedule(input: Parameters<Scheduled['unschedule']>[0]): Step<boolean> {
  const isDropped = yield* remove(input);
  if (isDropped) yield* noteAct({ ...input, act: 'drop', about: scheduledId(input.seq) });
  return isDropped;
}

function* remove({ account, seq }: { account: string; seq: number }): Step<boolean> {
  return (yield* run('DELETE FROM scheduled WHERE seq = ? AND account = ?', seq, account)) > 0;
}

/** The texts of these accounts whose time has come; those of accounts that nobody serves keep none of them waiting. */
export function* dueTexts(nowMs: number, accounts: readonly string[]): Step<ScheduledText[]> {
  const among = accounts.map(() => '?').join(', ');
  const due = `SELECT * FROM scheduled WHERE at <= ? AND account IN (${among}) ORDER BY at, seq LIMIT 100`;
  return (yield* all(due, nowMs, ...accounts)).map(textOf);
}

/** Queues a text in place of its row. */
export function* releaseText(
  { text, parts, nowMs }: Parameters<Scheduled['release']>[0],
  claimant: Claimant,
): Step<PartView[]> {
  const { account, user, seq, key, id, ttlMs } = text;
  if (!(yield* remove({ account, seq }))) return [];
  const expiresAtMs = ttlMs === null ? null : nowMs + ttlMs;
  return yield* enqueue({ account, user, parts, message: null, id, key, expiresAtMs, nowMs }, claimant);
}

function textOf(row: Row): ScheduledText {
  return {
    seq: row.seq as number,
    account: row.account as string,
    user: row.user as string,
    text: (row.text as Buffer).toString('utf8'),
    format: row.format as ScheduledText['format'],
    atMs: row.at as number,
    key: row.send_key as string | null,
    id: row.send_id as string | null,
    ttlMs: row.ttl_ms as number | null,
  };
}
