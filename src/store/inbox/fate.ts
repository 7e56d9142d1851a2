import type { Database } from '../../sqlite/database.ts';
import type { ChatCommand, ChatPolicy, IncomingMessage } from '../port/port.ts';
import { waitingBefore } from './unfinished.ts';

/** What becomes of a new message, before it is stored. */
export interface Fate {
  kind: 'received' | 'ignored' | 'command' | 'answer';
  /** Stored with it, for people. */
  reason: string | null;
  /** Obeyed once it is stored; also of a message whose rest is for the agent (`/new and now this`). */
  command: ChatCommand | null;
  /** Where its text for the agent begins. */
  textFrom: number;
}

/**
 * Decides about a message of a user who may write, after those with a number below `before`. While a turn asks him something, what he says is the answer,
 * but for a stop; else a command of the owner is one; else `--busy reject` may turn it away.
 */
export function fateOf(
  database: Database,
  message: IncomingMessage,
  about: { account: string; before: number; isOwner: boolean; isAsked: boolean; terms: ChatPolicy },
): Fate {
  const { terms } = about;
  const said = about.isOwner ? message.chat : null;
  const command = said?.command ?? null;
  if (about.isAsked && message.chat !== null && command !== 'stop') {
    return { kind: 'answer', reason: 'answer', command: null, textFrom: 0 };
  }
  if (said !== null && said.agentFrom === null) {
    return { kind: 'command', reason: 'command', command, textFrom: 0 };
  }
  if (terms.busy === 'reject' && isBusy(database, { ...about, user: message.user })) {
    return { kind: 'ignored', reason: 'busy', command: null, textFrom: 0 };
  }
  return { kind: 'received', reason: null, command, textFrom: said?.agentFrom ?? 0 };
}

/** Whether the question to a user has left for his phone: what he writes before that is no answer to it. */
export function wasAsked(database: Database, question: number | null): boolean {
  if (question === null) return false;
  const part = database.one(
    `SELECT COALESCE(whole.state, parts.state) AS state
       FROM parts LEFT JOIN parts AS whole ON whole.seq = parts.merged_into WHERE parts.seq = ?`,
    question,
  );
  return part !== undefined && !['queued', 'uploading', 'held'].includes(part.state as string);
}

/** Whether earlier messages are unfinished; those of a burst that has not started are what this one may join. */
function isBusy(
  database: Database,
  { account, user, before, terms }: { account: string; user: string; before: number; terms: ChatPolicy },
): boolean {
  const waiting = waitingBefore(database, { account, user, seq: before });
  return waiting.some((row) => terms.mergeMs === 0 || row.state !== 'received');
}
