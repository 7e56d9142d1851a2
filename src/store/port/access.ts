/** What a token of the API may do: look; send and see what became of it; everything. */
export type Scope = 'read' | 'send' | 'admin';

/** The scopes, from the least to everything. */
export const SCOPES: readonly Scope[] = ['read', 'send', 'admin'];

/** The last use of a token or a session is written no more often: a program may ask every second. */
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

/** A browser that has come in by a one-time code. */
export interface BrowserSession {
  /** The SHA-256 of its cookie, in hex. */
  digest: string;
  userAgent: string;
  createdAtMs: number;
  lastSeenAtMs: number;
}

/** A browser as the audit names it: nobody can make its cookie of that. */
export function browserName(digest: string): string {
  return `browser ${digest.slice(0, 8)}`;
}

/** Something that was done on purpose and cannot be taken back. */
export interface AuditEntry {
  seq: number;
  atMs: number;
  /** `terminal`, or `token <name>`, or `browser <first digits of its digest>`. */
  who: string;
  /** What was done, in a word such as `drop`. */
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

  /** Stores the SHA-256 of a one-time code. */
  addCode(input: { digest: string; expiresAtMs: number; by: string; nowMs: number }): Promise<void>;
  /** Takes a code in exchange for a session. False when there is no such code, or no longer. */
  redeemCode(input: {
    digest: string;
    session: Pick<BrowserSession, 'digest' | 'userAgent'>;
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

  /** What was done, newest first, before the entry of this number (null: from the newest on). */
  audit(input: { beforeSeq: number | null; limit: number }): Promise<AuditEntry[]>;
  /** Records something that was done beside the store, such as a login. */
  noteAct(input: {
    by: string;
    act: string;
    account: string | null;
    about: string;
    nowMs: number;
  }): Promise<void>;
}

/** Who asks for a change that belongs in the audit; not given: a command, which its user sees. */
export interface Asked {
  by?: string;
}
