import { WxError } from '../../core/errors.ts';
import type { QuietHours } from '../../core/time/quiet-hours.ts';

/** What a token of the API may do: look; send and see what became of it; everything. */
export type Scope = 'read' | 'send' | 'admin';

/** The scopes, from the least to everything. */
export const SCOPES: readonly Scope[] = ['read', 'send', 'admin'];

/** The last use of a token, a source or a session is written no more often: a program may ask every second. */
export const USE_NOTED_EVERY_MS = 5 * 60_000;

/** A token by which a program uses the API. Its secret is shown once and is not stored. */
export interface AccessToken {
  /** Stands in the token itself, so that its row is found by it. */
  id: string;
  name: string;
  scope: Scope;
  /** Key of the only account it is for; null: all. */
  account: string | null;
  /** The only user it is for; null: all. */
  user: string | null;
  createdAtMs: number;
  /** null: never. */
  expiresAtMs: number | null;
  /** To within five minutes; null: never. */
  lastUsedAtMs: number | null;
}

/** A token as it is checked: with the SHA-256 of its text, in hex. */
export type CheckedToken = AccessToken & { digest: string };

/** A program of others that pushes what its people want to be told, with a token of its own. */
export interface Source {
  name: string;
  /** Key of the account that sends. */
  account: string;
  /** Who gets it; null: the owner. */
  user: string | null;
  /** The title of what comes without one. */
  title: string | null;
  /** What is made of the JSON that comes, as JSON; null: it has to be a form that is known. */
  template: string | null;
  /** Drops what is not sent after so long; null: nothing. */
  ttlMs: number | null;
  /** What comes within this time is one text; 0: each push is one. */
  digestMs: number;
  /** At most so many texts in this time; null: any number. */
  limit: { count: number; perMs: number } | null;
  /** Hours of the day in which nothing goes; null: none. */
  quietHours: QuietHours | null;
  /** What it pushes waits for none of these. */
  isImportant: boolean;
  /** The command that tells another way what is not confirmed within so long; null: none of its own. */
  fallback: { command: string; withinMs: number } | null;
  /** What its pushes have to be signed with, encrypted with its token, which the store does not have; null: nothing. */
  secret: string | null;
  createdAtMs: number;
  /** To within five minutes; null: never. */
  lastUsedAtMs: number | null;
}

/** A source as it is stored: with the SHA-256 of its token, in hex. */
export type StoredSource = Source & { digest: string };

/** The source of a push was removed meanwhile: nothing of it is queued. */
export class SourceGone extends WxError {
  constructor(name: string) {
    super('not-logged-in', `the source ${name} was removed`, { hint: 'wxagent source add <name>' });
  }
}

/** A browser that has come in by a one-time code. */
export interface BrowserSession {
  /** The SHA-256 of its cookie, in hex. */
  digest: string;
  userAgent: string;
  createdAtMs: number;
  lastSeenAtMs: number;
}

/** A link by which somebody else adds one account, and sees nothing else. */
export interface Invitation {
  /** Stands in the token of the link, so that its row is found by it. */
  id: string;
  /** Unlike those of other invitations; the account that it adds has it as well. */
  name: string;
  createdAtMs: number;
  expiresAtMs: number;
  /** null: not yet. */
  usedAtMs: number | null;
}

/** An invitation as it is checked: with the SHA-256 of its token, in hex. */
export type CheckedInvitation = Invitation & { digest: string };

/** Whoever has a terminal of this machine, as the audit names them. */
export const TERMINAL = 'terminal';

/** Whoever has an invitation, as the audit names them. */
export function invitationName(name: string): string {
  return `invitation ${name}`;
}

/** A browser as the audit names it: nobody can make its cookie of that. */
export function browserName(digest: string): string {
  return `browser ${digest.slice(0, 8)}`;
}

/** What the audit has: what grants something, sends it again, or cannot be taken back. */
export type Act =
  | `token-${'add' | 'remove'}`
  | 'code-add'
  | `session-${'start' | 'confirm' | 'end'}`
  | `source-${'add' | 'remove'}`
  | `invitation-${'add' | 'use' | 'return' | 'remove'}`
  | 'login'
  | 'logout'
  | 'allow'
  | 'disallow'
  | 'drop'
  | 'retry';

/** Something that was done on purpose. */
export interface AuditEntry {
  seq: number;
  atMs: number;
  /** `terminal`, `token <name>`, `browser <first digits of its digest>` or `invitation <name>`. */
  who: string;
  /** An {@link Act}, or one of a newer wxagent. */
  act: string;
  /** Key of the account; null: it concerns none. */
  account: string | null;
  /** To what: an ID, a name. */
  about: string;
}

/** Who may use the API, and what was done with it. */
export interface Access {
  /** Stores a token. False when its name is taken. */
  addToken(input: { token: CheckedToken; by: string; nowMs: number }): Promise<boolean>;
  /** All tokens, oldest first. */
  tokens(): Promise<AccessToken[]>;
  /** Removes a token. False when there is none of this name. */
  removeToken(input: { name: string; by: string; nowMs: number }): Promise<boolean>;
  /** The token with this ID; null: none. */
  token(id: string): Promise<CheckedToken | null>;
  /** Records that a token was used. */
  noteTokenUse(input: { id: string; nowMs: number }): Promise<void>;

  /** Stores a source. False when its name is taken. */
  addSource(input: { source: StoredSource; by: string; nowMs: number }): Promise<boolean>;
  /** All sources, oldest first. */
  sources(): Promise<Source[]>;
  /** Removes a source. False when there is none of this name. */
  removeSource(input: { name: string; by: string; nowMs: number }): Promise<boolean>;
  /** The source whose token has this digest; null: none. */
  source(digest: string): Promise<Source | null>;
  /** Records that a source was used. */
  noteSourceUse(input: { name: string; nowMs: number }): Promise<void>;

  /** Stores the SHA-256 of a one-time code. */
  addCode(input: { digest: string; expiresAtMs: number; by: string; nowMs: number }): Promise<void>;
  /**
   * Takes a code in exchange for a session, which takes the place of one that this browser had. False when there is no
   * such code, or no longer.
   */
  redeemCode(input: {
    digest: string;
    session: Pick<BrowserSession, 'digest' | 'userAgent'>;
    /** The digest of the session before; null: none. */
    replaces: string | null;
    nowMs: number;
  }): Promise<boolean>;
  /** The session of this cookie; null: none. */
  session(input: { digest: string; nowMs: number }): Promise<BrowserSession | null>;
  /** Records that a session was used. */
  noteSessionUse(input: { digest: string; nowMs: number }): Promise<void>;
  /** All sessions, newest first. */
  sessions(input: { nowMs: number }): Promise<BrowserSession[]>;
  /** Ends one session, or all (null). Returns how many. */
  endSessions(input: { digest: string | null; by: string; nowMs: number }): Promise<number>;

  /** Stores an invitation, in place of one of its name that is used or expired. False when another one has its name. */
  addInvitation(input: { invitation: CheckedInvitation; by: string; nowMs: number }): Promise<boolean>;
  /** All invitations, newest first: also those that are used, or expired in the last seven days. */
  invitations(): Promise<Invitation[]>;
  /** Removes an invitation. Returns its ID; null: there is none of this name. */
  removeInvitation(input: { name: string; by: string; nowMs: number }): Promise<string | null>;
  /** The invitation with this ID; null: none. */
  invitation(id: string): Promise<CheckedInvitation | null>;
  /** Uses an invitation up. False when it is used or removed: of several that use it, one does. */
  useInvitation(input: { id: string; nowMs: number }): Promise<boolean>;
  /** Makes it usable again: what it was used for has failed. */
  returnInvitation(input: { id: string; nowMs: number }): Promise<void>;

  /** What was done, newest first, before the entry of this number (null: from the newest on). */
  audit(input: { beforeSeq: number | null; limit: number }): Promise<AuditEntry[]>;
  /** Records something that was done beside the store, such as a login. */
  noteAct(input: {
    by: string;
    act: Act;
    account: string | null;
    about: string;
    nowMs: number;
  }): Promise<void>;
}

/** Who asks for a change that belongs in the audit; not given: nobody, such as a runner that starts. */
export interface Asked {
  by?: string;
}
