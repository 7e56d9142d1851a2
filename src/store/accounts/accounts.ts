import { one, run, type Statement, type Step } from '../../sql/statement.ts';
import { OPEN } from '../outbox/part-states.ts';
import type { Admin, Polled } from '../port/port.ts';

export interface AccountRow {
  login: string;
  owner: string | null;
  cursor: string;
  loginExpired: boolean;
}

/** Reads an account; undefined when the store does not know it. */
function* accountRow(account: string): Step<AccountRow | undefined> {
  const row = yield* one(
    'SELECT login, owner, cursor, login_expired FROM accounts WHERE account = ?',
    account,
  );
  if (!row) return undefined;
  return {
    login: row.login as string,
    owner: row.owner as string | null,
    cursor: row.cursor as string,
    loginExpired: row.login_expired === 1,
  };
}

/**
 * Registers an account with the login in use. Another login than the stored one is a takeover: the cursor and
 * the tokens of the old bot are cleared, and queued parts wait for the user's next message.
 */
export function* openAccount(input: Parameters<Admin['openAccount']>[0]): Step<AccountRow> {
  const { account, login, owner, nowMs } = input;
  const known = yield* accountRow(account);
  if (!known) {
    yield* run('INSERT INTO accounts (account, login, owner) VALUES (?, ?, ?)', account, login, owner);
    return { login, owner, cursor: '', loginExpired: false };
  }
  if (known.login === login) {
    if (owner === null || owner === known.owner) return known;
    // `--owner` was given since: until then the first user who wrote was the owner.
    yield* run('UPDATE accounts SET owner = ? WHERE account = ?', owner, account);
    return { ...known, owner };
  }
  yield* run(
    `UPDATE accounts SET login = ?, owner = COALESCE(?, owner), cursor = '', login_expired = 0,
       throttle_until = NULL, throttle_step = 0 WHERE account = ?`,
    ...[login, owner, account],
  );
  yield* run(
    'UPDATE users SET context_token = NULL, last_message_at = NULL, lease = NULL, lease_until = 0 WHERE account = ?',
    account,
  );
  yield* run(
    `UPDATE parts SET state = 'unconfirmed', reason = 'login', body = NULL, finished_at = ?
       WHERE account = ? AND ${OPEN} AND state = 'sending'`,
    nowMs,
    account,
  );
  yield* run(
    `UPDATE parts SET state = 'held', reason = 'context', held_at = ?
       WHERE account = ? AND ${OPEN}`,
    nowMs,
    account,
  );
  return { login, owner: owner ?? known.owner, cursor: '', loginExpired: false };
}

/** Records a poll that has brought no message. A login that was taken over moves no cursor. */
export function recordPoll({ account, login, cursor, nowMs }: Polled): Statement<number> {
  return run(
    'UPDATE accounts SET cursor = COALESCE(?, cursor), last_poll_at = ? WHERE account = ? AND login = ?',
    ...[cursor, nowMs, account, login],
  );
}

/** Records that the login in use is dead, or works. A newer login than the caller's is not changed. */
export function* markLogin(input: { account: string; login: string; expired: boolean }): Step<void> {
  yield* run(
    'UPDATE accounts SET login_expired = ? WHERE account = ? AND login = ?',
    ...[input.expired ? 1 : 0, input.account, input.login],
  );
}
