import type { Database, Row } from '../../sqlite/database.ts';
import { release } from '../outbox/holds.ts';
import type { IncomingMessage, Intake, IntakeResult } from '../port/port.ts';
import type { Fate } from './fate.ts';
import { noteMediaKeys } from './media-keys.ts';
import { freeId, insertMessage, type Outlook, outlookOf, withId, withToken } from './new-message.ts';
import { createJudge, NEWEST, nothingTakenIn, repeatedWithin } from './triage.ts';
import { createUserNotes } from './user-notes.ts';

/**
 * Commits what a poll brought: new messages, the cursor, the holds that a new message of their user releases,
 * and what chat commands among them ask for, with the answers to those. Duplicates are counted on the message
 * they repeat, and do nothing.
 */
export function storeMessages(database: Database, intake: Intake): IntakeResult {
  const { account, nowMs } = intake;
  const result = nothingTakenIn();
  const outlooks = new Map<string, Outlook>();
  const notes = createUserNotes(database, intake);
  const judge = intake.triage === 'later' ? null : createJudge(database, intake);

  for (const message of intake.messages) {
    const { user } = message;
    const outlook = outlookOf(database, account, message, outlooks.get(user));
    const language = message.language ?? outlook.language;
    outlooks.set(user, { ...outlook, language });
    const { login, isKnown, hasKept } = outlook;
    const owner = result.learnedOwner ?? outlook.owner;
    // A login that was taken over keeps its last messages; its cursor and tokens are of no use to the new one.
    const isCurrent = login === intake.login;
    const isNews = (judge === null || intake.dedupeWindowMs === 0) && !isKnown;
    const namesake = isNews || message.id === null ? undefined : withId(database, account, message.id);
    const original = isNews ? undefined : findDuplicate(database, intake, message, namesake);
    if (original) {
      const seq = original.seq as number;
      database.run('UPDATE inbox SET copies = copies + 1 WHERE seq = ?', seq);
      result.messages.push({
        seq,
        id: original.id as string,
        user,
        state: 'duplicate',
        reason: null,
      });
      continue;
    }
    const isFirst = owner === null && message.ignore === null;
    if (isFirst) {
      result.learnedOwner = user;
      database.run('UPDATE accounts SET owner = ? WHERE account = ?', user, account);
    }
    const isOwner = isFirst || user === owner;
    const fate = judge ? judge.fateOf(message, { isOwner, before: NEWEST }) : untriaged(message);
    const id = message.id !== null && !namesake ? message.id : freeId(database, account, message);
    const seq = insertMessage(database, intake, message, { id, fate, isTriaged: judge !== null });
    noteMediaKeys(database, account, message.mediaKeys, nowMs);
    result.messages.push({ seq, id, user, state: fate.kind, reason: fate.reason });
    if (fate.kind === 'ignored' && fate.reason !== 'busy') continue;
    if (isCurrent) {
      notes.add(message, seq);
      if (hasKept && release(database, intake, user, language)) result.released.push(user);
    }
    if (fate.command !== null) notes.write(user);
    judge?.setOff(message, { seq, id, fate, language }, result);
  }

  notes.write();
  if (intake.cursor) {
    database.run(
      'UPDATE accounts SET cursor = ?, last_poll_at = ? WHERE account = ? AND login = ?',
      intake.cursor,
      nowMs,
      account,
      intake.login,
    );
  }
  return result;
}

/** Of what waits for its triage only that the agent can do nothing with it is known. */
function untriaged({ ignore }: IncomingMessage): Fate {
  const kind = ignore === null ? 'received' : 'ignored';
  return { kind, reason: ignore, command: null, textFrom: 0 };
}

/**
 * The stored message that this one repeats (design 3): the same id with the same content or time;
 * or the same user, time and content under another id, where a time that is missing or of whole
 * seconds is too coarse to tell by itself and the context token must agree too.
 */
function findDuplicate(
  database: Database,
  intake: Intake,
  message: IncomingMessage,
  namesake: Row | undefined,
): Row | undefined {
  const { account } = intake;
  if (namesake && !isReuse(namesake, message)) return namesake;
  const coarse = message.createdAtMs === null || message.createdAtMs % 1000 === 0;
  const alike = database.one(
    `SELECT seq, id FROM inbox WHERE account = ? AND user = ? AND fingerprint = ? AND created_at IS ?
       AND (? = 0 OR context_token IS ?) LIMIT 1`,
    account,
    message.user,
    message.fingerprint,
    message.createdAtMs,
    coarse ? 1 : 0,
    message.contextToken,
  );
  const known = alike ?? withToken(database, account, message);
  if (known || intake.triage === 'later') return known;
  return repeatedWithin(database, intake, message, { seq: NEWEST, atMs: intake.nowMs });
}

/** An id that comes again with another user, or with other content at another time, is a new message: losing it would be worse. */
function isReuse(same: Row, message: IncomingMessage): boolean {
  if (same.user !== message.user) return true;
  return same.fingerprint !== message.fingerprint && same.created_at !== message.createdAtMs;
}
