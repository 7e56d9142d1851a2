import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { type AccessToken, type CheckedToken, type Scope, USE_NOTED_EVERY_MS } from '../port/access.ts';
import { noteAct } from './audit.ts';

const COLUMNS = 'id, name, scope, account, "user", created_at, expires_at, last_used_at, digest';

/** Stores a token; see `Access.addToken`. */
export function* addToken(input: { token: CheckedToken; by: string; nowMs: number }): Step<boolean> {
  const { id, name, scope, account, user, createdAtMs, expiresAtMs, lastUsedAtMs, digest } = input.token;
  const added = yield* run(
    `INSERT INTO access_tokens (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[id, name, scope, account, user, createdAtMs, expiresAtMs, lastUsedAtMs, digest],
  );
  if (added > 0) yield* noteAct({ ...input, act: 'token-add', account, about: name });
  return added > 0;
}

/** All tokens, oldest first. */
export function* accessTokens(): Step<AccessToken[]> {
  const rows = yield* all(`SELECT ${COLUMNS} FROM access_tokens ORDER BY created_at, name`);
  return rows.map((row) => {
    const { digest: _, ...token } = tokenOf(row);
    return token;
  });
}

/** Removes a token; see `Access.removeToken`. */
export function* removeToken(input: { name: string; by: string; nowMs: number }): Step<boolean> {
  const { name } = input;
  if ((yield* run('DELETE FROM access_tokens WHERE name = ?', name)) === 0) return false;
  yield* noteAct({ ...input, act: 'token-remove', account: null, about: name });
  return true;
}

/** The token with this ID; null: none. */
export function* accessToken(id: string): Step<CheckedToken | null> {
  const row = yield* one(`SELECT ${COLUMNS} FROM access_tokens WHERE id = ?`, id);
  return row ? tokenOf(row) : null;
}

/** Records that a token was used. */
export function* noteTokenUse({ id, nowMs }: { id: string; nowMs: number }): Step<void> {
  yield* run(
    'UPDATE access_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)',
    ...[nowMs, id, nowMs - USE_NOTED_EVERY_MS],
  );
}

function tokenOf(row: Row): CheckedToken {
  return {
    id: row.id as string,
    name: row.name as string,
    scope: row.scope as Scope,
    account: row.account as string | null,
    user: row.user as string | null,
    createdAtMs: row.created_at as number,
    expiresAtMs: row.expires_at as number | null,
    lastUsedAtMs: row.last_used_at as number | null,
    digest: row.digest as string,
  };
}
