import { BUDGET_WINDOW_MS } from '../core/message/wechat-limits.ts';
import { all, type Row, run, type Step, together, unawaited } from '../sql/statement.ts';
import { DELAYED, OPEN, UNFINISHED } from './outbox/part-states.ts';
import type { AccountMeasures } from './port/port.ts';

/** See `Admin.measures`: a few queries over what is not finished, however much there is beside it. */
export function* measures(nowMs: number): Step<AccountMeasures[]> {
  const [accounts, messages, parts, waiting, users] = yield* together(
    all('SELECT account, login_expired, last_poll_at FROM accounts ORDER BY account'),
    all(`SELECT account, state, count(*) AS n FROM inbox WHERE ${UNFINISHED} GROUP BY account, state`),
    all(`SELECT account, state, count(*) AS n FROM parts WHERE ${OPEN} GROUP BY account, state`),
    // Together with the others SQLite would read every part there ever was.
    all(`SELECT account, 'delayed' AS state, count(*) AS n FROM parts WHERE ${DELAYED} GROUP BY account`),
    all(
      'SELECT account, max(sent) AS sent FROM users WHERE last_message_at > ? GROUP BY account',
      nowMs - BUDGET_WINDOW_MS,
    ),
  );
  const openMessages = byAccount(messages);
  const openParts = byAccount([...parts, ...waiting]);
  const sent = new Map(users.map((row) => [row.account as string, row.sent as number]));
  return accounts.map((row) => {
    const account = row.account as string;
    return {
      account,
      loginExpired: row.login_expired === 1,
      lastPollAtMs: row.last_poll_at as number | null,
      messages: openMessages.get(account) ?? {},
      parts: openParts.get(account) ?? {},
      mostSent: sent.get(account) ?? null,
    };
  });
}

function byAccount(rows: readonly Row[]): Map<string, Record<string, number>> {
  const found = new Map<string, Record<string, number>>();
  for (const { account, state, n } of rows) {
    const counts = found.get(account as string) ?? {};
    counts[state as string] = n as number;
    found.set(account as string, counts);
  }
  return found;
}

/** Not the digest of any code. */
const PROBE = 'probe';

/** See `Admin.probe`: writes a row that nobody sees. */
export function* probe(): Step<void> {
  yield* unawaited(
    run('INSERT INTO access_codes (digest, expires_at) VALUES (?, 0)', PROBE),
    run('DELETE FROM access_codes WHERE digest = ?', PROBE),
  );
}
