import type { Access } from './access.ts';
import type { Admin } from './admin.ts';
import type { Blobs } from './blobs.ts';
import type { Conversations } from './conversations.ts';
import type { Events } from './events.ts';
import type { Expected } from './expected.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { Questions } from './questions.ts';
import type { Scheduled } from './scheduled.ts';
import type { Sessions } from './sessions.ts';
import type { Turns } from './turns.ts';

export type * from './access.ts';
export { browserName, invitationName, SCOPES, SourceGone, TERMINAL, USE_NOTED_EVERY_MS } from './access.ts';
export type * from './admin.ts';
export type * from './blobs.ts';
export type * from './conversations.ts';
export { CONVERSATION_KINDS, MOST_UNSEEN } from './conversations.ts';
export type * from './events.ts';
export type * from './expected.ts';
export type * from './inbox.ts';
export type * from './outbox.ts';
export { OPEN_PART_STATES } from './outbox.ts';
export type * from './questions.ts';
export type * from './scheduled.ts';
export { scheduledId, scheduledSeq } from './scheduled.ts';
export type * from './sessions.ts';
export type * from './turns.ts';

/**
 * The durable state of all accounts of one home, in eleven ports. Any number of processes may use it at once. Every
 * operation is a named step of the way a message goes, no operation is a table, and only `store/` knows the
 * database behind it. Steps are atomic. A step that is repeated calls its callbacks (`questionTo`,
 * `noticeOf`, `compose`, `encode`, `merge`) again. Every
 * step rejects with WxError `storage` when the disk, or the server of the database, fails.
 */
export interface Store {
  readonly inbox: Inbox;
  readonly turns: Turns;
  readonly outbox: Outbox;
  readonly questions: Questions;
  readonly expected: Expected;
  readonly scheduled: Scheduled;
  readonly sessions: Sessions;
  readonly admin: Admin;
  readonly access: Access;
  readonly conversations: Conversations;
  readonly events: Events;
  /** Where the bytes of files to be sent lie; null: not in the database, but in the home. */
  readonly blobs: Blobs | null;
  /**
   * Resolves when everything this process has committed is on the disk. What is committed is flushed before a request
   * tells anybody of it: before the next poll, whose cursor lets the server forget, and before a `sendmessage`.
   * {@link Store.close} flushes before the process ends, `Outbox.unneededFiles` before files are deleted.
   */
  flush(): Promise<void>;
  /**
   * Tells a number for each account, another one whenever another process has committed what concerns it: on a server within
   * some two seconds when it is called each second. Throws WxError `storage` when {@link Store.isLost}.
   */
  changes(): (account: string) => number;
  /** The database was deleted or replaced under this process: it can still be read, every step rejects. */
  readonly isLost: boolean;
  close(): Promise<void>;
}
