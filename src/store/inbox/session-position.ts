import { newUuid } from '../../core/ids.ts';
import type { Database } from '../../sqlite/database.ts';
import type { StartedTurn } from '../port/inbox-port.ts';

/** A place in a user's session. */
export type Place = Pick<StartedTurn, 'sessionId' | 'turn'>;

/** The place behind what is stored of a user's session: null where he has none, or is unknown. */
export function placeAfter(sessionId: string | null, turn: number | null): Place {
  return { sessionId: sessionId ?? newUuid(), turn: (turn ?? 0) + 1 };
}

/** Stores that a place is taken: the next one is behind it. */
export function takePlace(
  database: Database,
  { account, user }: { account: string; user: string },
  { sessionId, turn }: Place,
): void {
  database.run(
    `INSERT INTO users (account, user, session_id, turn) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (account, user) DO UPDATE SET session_id = ?3, turn = ?4`,
    account,
    user,
    sessionId,
    turn,
  );
}

/** Takes the next place in the user's session. */
export function nextPlace(database: Database, who: { account: string; user: string }): Place {
  const row = database.one(
    'SELECT session_id, turn FROM users WHERE account = ? AND user = ?',
    who.account,
    who.user,
  );
  const place = placeAfter((row?.session_id ?? null) as string | null, (row?.turn ?? null) as number | null);
  takePlace(database, who, place);
  return place;
}
