import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import {
  type Access,
  type Act,
  type CheckedInvitation,
  type Invitation,
  invitationName,
} from '../port/access.ts';
import { noteAct } from './audit.ts';

/** One that has expired is listed for so long, so that whoever made it sees what became of it. */
const LISTED_MS = 7 * 24 * 3_600_000;

const COLUMNS = 'id, name, digest, created_at, expires_at, used_at';

/** Stores an invitation; see `Access.addInvitation`. */
export function* addInvitation(input: Parameters<Access['addInvitation']>[0]): Step<boolean> {
  const { id, name, digest, createdAtMs, expiresAtMs, usedAtMs } = input.invitation;
  yield* run(
    'DELETE FROM invitations WHERE expires_at <= ? OR (name = ? AND (used_at IS NOT NULL OR expires_at <= ?))',
    ...[input.nowMs - LISTED_MS, name, input.nowMs],
  );
  const added = yield* run(
    `INSERT INTO invitations (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[id, name, digest, createdAtMs, expiresAtMs, usedAtMs],
  );
  if (added > 0) yield* noteAct({ ...input, act: 'invitation-add', account: null, about: name });
  return added > 0;
}

/** All invitations, newest first. */
export function* invitations(): Step<Invitation[]> {
  const rows = yield* all(`SELECT ${COLUMNS} FROM invitations ORDER BY created_at DESC, name`);
  return rows.map((row) => {
    const { digest: _, ...invitation } = invitationOf(row);
    return invitation;
  });
}

/** Removes an invitation; see `Access.removeInvitation`. */
export function* removeInvitation(input: { name: string; by: string; nowMs: number }): Step<string | null> {
  const { name } = input;
  const row = yield* one('SELECT id FROM invitations WHERE name = ?', name);
  if (!row || (yield* run('DELETE FROM invitations WHERE id = ?', row.id as string)) === 0) return null;
  yield* noteAct({ ...input, act: 'invitation-remove', account: null, about: name });
  return row.id as string;
}

/** The invitation with this ID; null: none. */
export function* invitation(id: string): Step<CheckedInvitation | null> {
  const row = yield* one(`SELECT ${COLUMNS} FROM invitations WHERE id = ?`, id);
  return row ? invitationOf(row) : null;
}

/** Uses an invitation up; see `Access.useInvitation`. */
export function* useInvitation({ id, nowMs }: { id: string; nowMs: number }): Step<boolean> {
  const used = yield* run('UPDATE invitations SET used_at = ? WHERE id = ? AND used_at IS NULL', nowMs, id);
  if (used > 0) yield* noteUse(id, 'invitation-use', nowMs);
  return used > 0;
}

/** Makes an invitation usable again; see `Access.returnInvitation`. */
export function* returnInvitation({ id, nowMs }: { id: string; nowMs: number }): Step<void> {
  const returned = yield* run(
    'UPDATE invitations SET used_at = NULL WHERE id = ? AND used_at IS NOT NULL',
    id,
  );
  if (returned > 0) yield* noteUse(id, 'invitation-return', nowMs);
}

function* noteUse(id: string, act: Act, nowMs: number): Step<void> {
  const row = yield* one('SELECT name FROM invitations WHERE id = ?', id);
  const about = row?.name as string;
  yield* noteAct({ by: invitationName(about), act, account: null, about, nowMs });
}

function invitationOf(row: Row): CheckedInvitation {
  return {
    id: row.id as string,
    name: row.name as string,
    digest: row.digest as string,
    createdAtMs: row.created_at as number,
    expiresAtMs: row.expires_at as number,
    usedAtMs: row.used_at as number | null,
  };
}
