/** One user as `status` shows it. */
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
  /** Until when nothing is sent because WeChat limits the rate, if that ever was; see `throttle`. */
  throttledUntilMs: number | null;
  loginExpired: boolean;
  owner: string | null;
  /** `unknown`: messages with items of no kind we know, whatever became of them. */
  inbox: Record<'received' | 'running' | 'failed' | 'ignored' | 'unknown', number>;
  outbox: Record<'queued' | 'sending' | 'held', number>;
  users: UserView[];
}

/** What a user may still get before they must write again (design 3). */
export interface Budget {
  /** Messages, those that are queued included. */
  left: number;
  /** Parts that are queued and not on their way yet. */
  queued: number;
  /** The window is open and something is left. */
  isOpen: boolean;
}

/** A user that `wxagent allow` has let in. */
export interface AllowedUser {
  user: string;
  sinceMs: number;
}

/** How long finished rows and held parts are kept. */
export interface Retention {
  account: string;
  nowMs: number;
  /** Held parts older than this become `expired` (`--hold-max`). */
  holdMaxMs: number;
  /** Finished messages and parts older than this are forgotten. */
  finishedMs: number;
  /** Finished messages kept per user. */
  finishedPerUser: number;
}
