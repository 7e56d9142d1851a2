import type { ChatLanguage } from '../../core/message/language.ts';
import { all, type Row, run, type Step } from '../../sql/statement.ts';
import { appendParts } from '../outbox/parts.ts';
import type { Expectation, ExpectationNews, Expected } from '../port/port.ts';

/** Expects a key; one that is expected already keeps when it was seen. */
export function* expect(input: Parameters<Expected['expect']>[0]): Step<void> {
  yield* run(
    `INSERT INTO expected (account, key, "user", every_ms, since) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (account, key) DO UPDATE SET "user" = excluded."user", every_ms = excluded.every_ms`,
    ...[input.account, input.key, input.user, input.everyMs, input.nowMs],
  );
}

/** Expects a key no more. */
export function* unexpect({ account, key }: { account: string; key: string }): Step<boolean> {
  return (yield* run('DELETE FROM expected WHERE account = ? AND key = ?', account, key)) > 0;
}

export function* expectations(account: string): Step<Expectation[]> {
  return (yield* all('SELECT * FROM expected WHERE account = ? ORDER BY key', account)).map(expectationOf);
}

/** Whether there is something to tell, as SQL; ?1 is the time. */
const IS_DUE = `((missing_since IS NULL AND COALESCE(last_seen_at, since) < ?1 - every_ms)
  OR last_seen_at > missing_since)`;
/** Whether something is noted for a time that has not come, as SQL: a clock was set back. It counts as noted now. */
const IS_AHEAD = '(since > ?1 OR last_seen_at > ?1 OR missing_since > ?1)';
const NOTED = ['since', 'last_seen_at', 'missing_since'].map(
  (column) => `${column} = CASE WHEN ${column} > ?1 THEN ?1 ELSE ${column} END`,
);
const SET_BACK = `UPDATE expected SET ${NOTED.join(', ')} WHERE account = ?2 AND ${IS_AHEAD}`;

/** The accounts of which somebody has to be told something, or whose notes are ahead of the clock. */
export function* dueAccounts(nowMs: number): Step<string[]> {
  const rows = yield* all(`SELECT DISTINCT account FROM expected WHERE ${IS_DUE} OR ${IS_AHEAD}`, nowMs);
  return rows.map((row) => row.account as string);
}

/** Tells of what is missing, and of what has come again, in the transaction that notes it. */
export function* tellExpected({ account, nowMs, compose }: Parameters<Expected['tell']>[0]): Step<string[]> {
  yield* run(SET_BACK, nowMs, account);
  const rows = yield* all(
    `SELECT expected.*, COALESCE(expected."user", accounts.owner) AS to_user, language
       FROM expected JOIN accounts ON accounts.account = expected.account
       LEFT JOIN users ON users.account = expected.account AND users."user" = COALESCE(expected."user", accounts.owner)
       WHERE expected.account = ?2 AND ${IS_DUE}`,
    nowMs,
    account,
  );
  const told = new Set<string>();
  for (const row of rows) {
    const user = row.to_user as string | null;
    // Nobody is known who could be told: later perhaps.
    if (user === null) continue;
    const news: ExpectationNews = {
      ...expectationOf(row),
      about: row.missing_since === null ? 'missing' : 'back',
    };
    const noted = yield* run(
      'UPDATE expected SET missing_since = ? WHERE account = ? AND key = ? AND missing_since IS NOT DISTINCT FROM ?',
      ...[news.about === 'missing' ? nowMs : null, account, news.key, row.missing_since as number | null],
    );
    if (noted === 0) continue;
    const parts = compose(news, row.language as ChatLanguage | null);
    yield* appendParts({ account, user, message: null, nowMs }, parts);
    told.add(user);
  }
  return [...told];
}

function expectationOf(row: Row): Expectation {
  return {
    key: row.key as string,
    user: row.user as string | null,
    everyMs: row.every_ms as number,
    sinceMs: row.since as number,
    lastSeenAtMs: row.last_seen_at as number | null,
    missingSinceMs: row.missing_since as number | null,
  };
}
