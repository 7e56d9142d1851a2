import { all, one, run, type Step } from '../../sql/statement.ts';
import type { Admin, AllowedUser } from '../port/port.ts';

/** Whether `wxagent allow` has allowed this user. */
export function* isAllowed(account: string, user: string): Step<boolean> {
  return (yield* one('SELECT 1 FROM allowed WHERE account = ? AND "user" = ?', account, user)) !== undefined;
}

/** Users that `wxagent allow` has allowed, oldest entry first. */
export function* allowedUsers(account: string): Step<AllowedUser[]> {
  return (yield* all(
    'SELECT "user", since FROM allowed WHERE account = ? ORDER BY since, "user"',
    account,
  )).map((row) => ({ user: row.user as string, sinceMs: row.since as number }));
}

/** Allows a user, or no longer. Returns false when nothing changed. */
export function* setAllowed(input: Parameters<Admin['setAllowed']>[0]): Step<boolean> {
  const { account, user } = input;
  const changes = input.allowed
    ? yield* run(
        'INSERT INTO allowed (account, "user", since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        ...[account, user, input.nowMs],
      )
    : yield* run('DELETE FROM allowed WHERE account = ? AND "user" = ?', account, user);
  return changes > 0;
}
