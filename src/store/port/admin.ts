import type { ChatLanguage } from '../../core/message/language.ts';
import type { WindowKeeper } from '../../core/message/window-keeper.ts';
import type { Asked } from './access.ts';

/** A process that receives an account's messages: to serve its users, or to look once. */
export interface Poller {
  claimant: string;
  purpose: 'serve' | 'look';
  /** Which of the locks of processes it has; null: that of the account, as versions before this column have. */
  slot: number | null;
}

/** A poller as it is noted, with when it began; null: a version before this column has noted it. */
export interface NotedPoller extends Poller {
  sinceMs: number | null;
}

/** One account in numbers. */
export interface AccountMeasures {
  account: string;
  loginExpired: boolean;
  lastPollAtMs: number | null;
  /** Messages that are not finished, and parts that are not final, by state. */
  messages: Readonly<Record<string, number>>;
  parts: Readonly<Record<string, number>>;
  /** The most that was sent to one of its users whose window is open, since they wrote; null: there is none. */
  mostSent: number | null;
}

/** A sign that what an account sends is accepted and not shown. */
export interface DeafSign {
  /** Parts were accepted without an ID, one after the other; or the owner is silent for longer than ever lately. */
  sign: 'unconfirmed' | 'silence';
  user: string;
  /** When the first of the parts was queued. */
  sinceMs: number;
  count: number;
  /** The newest of the parts, newest first. */
  parts: { seq: number; clientId: string; serverId: string | null; atMs: number }[];
}

/** A user whose window is open, and who was not asked for a word in it. */
export interface UserToAsk {
  user: string;
  /** Their newest message. */
  messageSeq: number;
  windowEndsAtMs: number;
  language: ChatLanguage | null;
}

/** One user as `status` shows them. */
export interface UserView {
  user: string;
  lastMessageAtMs: number | null;
  hasToken: boolean;
  sentSinceMessage: number;
  hold: { reason: string; parts: number; sinceMs: number } | null;
}

/** One account as `status` shows it. */
export interface AccountView {
  lastPollAtMs: number | null;
  /** End of the pause that WeChat's rate limit caused (`throttle`); null: there was none. */
  throttledUntilMs: number | null;
  loginExpired: boolean;
  owner: string | null;
  /** How its users are asked for a word before their windows end; null: they are not. */
  keeper: WindowKeeper | null;
  /** The sign that it is deaf, as a runner has noted it; null: there is none. */
  deaf: DeafSign | null;
  /** Those who were not asked yet; their windows may have ended. */
  toAsk: UserToAsk[];
  /** `unknown`: messages with items of an unknown kind, in any state. */
  inbox: Record<'received' | 'running' | 'failed' | 'ignored' | 'unknown', number>;
  /** `delayed`: pushes that wait by the rule of their source; `scheduled`: texts for later. */
  outbox: Record<'queued' | 'sending' | 'held' | 'delayed' | 'scheduled', number>;
  users: UserView[];
}

/** A user that `wxagent allow` has allowed. */
export interface AllowedUser {
  user: string;
  sinceMs: number;
}

/** A poll that has brought no message. */
export interface Polled {
  account: string;
  /** Digest of the token that has polled. */
  login: string;
  /** The cursor for the next poll; null: the one before. */
  cursor: string | null;
  nowMs: number;
}

/** How long finished rows and held parts are kept. */
export interface Retention {
  /** Whose held parts and users are looked at; old rows are those of all accounts. */
  accounts: readonly string[];
  nowMs: number;
  /** Held parts older than this become `expired` (`--hold-max`). */
  holdMaxMs: number;
  /** Finished messages and parts older than this are deleted. */
  finishedMs: number;
  /** Finished messages kept per user. */
  finishedPerUser: number;
}

/** Accounts, their logins and users, and the upkeep of the store. */
export interface Admin {
  /** Registers the account; a changed `login` is a takeover: cursor and tokens are cleared, `queued` parts held. */
  openAccount(
    input: Asked & {
      account: string;
      login: string;
      owner: string | null;
      /** How the audit calls the account, when somebody asks; not given: by its key. */
      name?: string;
      nowMs: number;
    },
  ): Promise<{ cursor: string; loginExpired: boolean; owner: string | null }>;
  /** Records that the login has expired, or works. */
  markLogin(input: { account: string; login: string; expired: boolean }): Promise<void>;
  /** Records polls that have brought no message: that they work, and the cursors. What a lease is missing for is left out. */
  recordPolls(polls: readonly Polled[]): Promise<void>;
  /** Stores how users are asked for a word before their windows end (`--keep-window`); null: they are not. */
  setKeeper(input: { account: string; keeper: WindowKeeper | null }): Promise<void>;
  /** How users are asked for a word before their windows end; null: they are not. */
  keeper(account: string): Promise<WindowKeeper | null>;
  /** Users for whom something waits or may come, with an open window in which they were not asked yet. */
  usersToAsk(input: { account: string; nowMs: number }): Promise<UserToAsk[]>;
  /** Looks for the sign that an account is deaf, and stores it. Returns one that is new. */
  noteDeafness(input: { account: string; nowMs: number }): Promise<DeafSign | null>;
  /** The sign at this moment; null: there is none. */
  deafness(input: { account: string; nowMs: number }): Promise<DeafSign | null>;
  /** What `status` shows of an account; null: the store does not know it. */
  accountView(account: string): Promise<AccountView | null>;

  /** The process that is noted as the receiver of the account's messages, whether it still lives or not. */
  poller(account: string): Promise<NotedPoller | null>;
  /** Notes the caller, who has the lock `slot`, in place of `former`. False when another process is noted by now. */
  becomePoller(input: {
    account: string;
    purpose: Poller['purpose'];
    slot: number;
    former: Poller | null;
  }): Promise<boolean>;
  /** The accounts that the caller is noted for. */
  polledAccounts(): Promise<string[]>;
  /** Records that the caller receives no more. */
  endPolling(account: string): Promise<void>;

  /** Users allowed beside the owner, oldest entry first. */
  allowed(account: string): Promise<AllowedUser[]>;
  /** Allows a user, or no longer, from the next intake on. Returns false when nothing changed. */
  setAllowed(
    input: Asked & { account: string; user: string; allowed: boolean; nowMs: number },
  ): Promise<boolean>;

  /** Expires held parts and deletes old finished rows: a bounded piece of work. Returns whether there is more. */
  sweep(retention: Retention): Promise<boolean>;
  /** What is measured of every account that the store knows. */
  measures(nowMs: number): Promise<AccountMeasures[]>;
  /** Resolves when something was written and is on the disk: that shows whether the store can be written. */
  probe(): Promise<void>;
  /** Checks the whole database. Returns what is wrong with it; null: nothing. */
  verify(): Promise<string | null>;
  /** Reserves some space for the time when the disk is full, if there is room; never fails. */
  keepReserve(): Promise<void>;
}
