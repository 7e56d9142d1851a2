import { parseQuietHours, quietHoursShown } from '../../core/time/quiet-hours.ts';
import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { type Source, type StoredSource, USE_NOTED_EVERY_MS } from '../port/access.ts';
import { noteAct } from './audit.ts';

const COLUMNS = `name, account, "user", title, template, ttl, created_at, last_used_at, digest_ms, limit_count,
  limit_ms, quiet, important, fallback, within_ms, secret`;

/** Stores a source; see `Access.addSource`. */
export function* addSource(input: { source: StoredSource; by: string; nowMs: number }): Step<boolean> {
  const { name, account, user, title, template, ttlMs, createdAtMs, lastUsedAtMs, digest } = input.source;
  const { digestMs, limit, quietHours, isImportant, fallback, secret } = input.source;
  const added = yield* run(
    `INSERT INTO sources (${COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[name, account, user, title, template, ttlMs, createdAtMs, lastUsedAtMs],
    ...[digestMs, limit?.count ?? null, limit?.perMs ?? null, quietHoursShown(quietHours)],
    ...[isImportant ? 1 : 0, fallback?.command ?? null, fallback?.withinMs ?? null, secret, digest],
  );
  if (added > 0) yield* noteAct({ ...input, act: 'source-add', account, about: name });
  return added > 0;
}

/** All sources, oldest first. */
export function* sources(): Step<Source[]> {
  return (yield* all(`SELECT ${COLUMNS} FROM sources ORDER BY created_at, name`)).map(sourceOf);
}

/** Removes a source; see `Access.removeSource`. */
export function* removeSource(input: { name: string; by: string; nowMs: number }): Step<boolean> {
  const { name } = input;
  if ((yield* run('DELETE FROM sources WHERE name = ?', name)) === 0) return false;
  yield* noteAct({ ...input, act: 'source-remove', account: null, about: name });
  return true;
}

/** The source whose token has this digest; null: none. */
export function* sourceByDigest(digest: string): Step<Source | null> {
  const row = yield* one(`SELECT ${COLUMNS} FROM sources WHERE digest = ?`, digest);
  return row ? sourceOf(row) : null;
}

/** Records that a source was used. */
export function* noteSourceUse({ name, nowMs }: { name: string; nowMs: number }): Step<void> {
  yield* run(
    'UPDATE sources SET last_used_at = ? WHERE name = ? AND (last_used_at IS NULL OR last_used_at <= ?)',
    ...[nowMs, name, nowMs - USE_NOTED_EVERY_MS],
  );
}

export function ruleOf(row: Row): Pick<Source, 'digestMs' | 'limit' | 'quietHours'> {
  const quiet = row.quiet as string | null;
  const count = row.limit_count as number | null;
  return {
    digestMs: row.digest_ms as number,
    limit: count === null ? null : { count, perMs: row.limit_ms as number },
    quietHours: quiet === null ? null : parseQuietHours(quiet, 'quiet'),
  };
}

function sourceOf(row: Row): Source {
  return {
    ...ruleOf(row),
    isImportant: row.important === 1,
    fallback:
      row.fallback === null ? null : { command: row.fallback as string, withinMs: row.within_ms as number },
    secret: row.secret as string | null,
    name: row.name as string,
    account: row.account as string,
    user: row.user as string | null,
    title: row.title as string | null,
    template: row.template as string | null,
    ttlMs: row.ttl as number | null,
    createdAtMs: row.created_at as number,
    lastUsedAtMs: row.last_used_at as number | null,
  };
}
