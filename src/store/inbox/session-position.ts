import { newUuid } from '../../core/ids.ts';
import type { Database } from '../../sqlite/database.ts';
import type { StartedTurn } from '../port/port.ts';

/** Takes the next place in the user's session; a new session where they have none. */
export function nextPlace(
  database: Database,
  { account, user }: { account: string; user: string },
): Pick<StartedTurn, 'sessionId' | 'turn'> {
  const row = database.one(
    `INSERT INTO users (account, user, session_id, turn) VALUES (?1, ?2, ?3, 1)
       ON CONFLICT (account, user) DO UPDATE SET session_id = COALESCE(session_id, ?3), turn = turn + 1
       RETURNING session_id, turn`,
    account,
    user,
    newUuid(),
  );
  return { sessionId: row?.session_id as string, turn: row?.turn as number };
}
