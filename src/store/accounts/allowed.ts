import type { Database } from '../../sqlite/database.ts';
import type { AllowedUser } from '../port/port.ts';

/** Whether `wxagent allow` has allowed this user. */
export function isAllowed(database: Database, account: string, user: string): boolean {
  return database.one('SELECT 1 FROM allowed WHERE account = ? AND user = ?', account, user) !== undefined;
}

/** Users that `wxagent allow` has allowed, oldest entry first. */
export function allowedUsers(database: Database, account: string): AllowedUser[] {
  return database
    .all('SELECT user, since FROM allowed WHERE account = ? ORDER BY since, user', account)
    .map((row) => ({ user: row.user as string, sinceMs: row.since as number }));
}

/** Allows a user, or no longer. Returns false when nothing changed. */
export function setAllowed(
  database: Database,
  input: { account: string; user: string; allowed: boolean; nowMs: number },
): boolean {
  const { account, user } = input;
  const { changes } = input.allowed
    ? database.run(
        'INSERT INTO allowed (account, user, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        account,
        user,
        input.nowMs,
      )
    : database.run('DELETE FROM allowed WHERE account = ? AND user = ?', account, user);
  return changes > 0;
}
