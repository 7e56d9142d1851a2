/** One account to be served. */
export interface RunnerAccount {
  /** Key of the account in the store. */
  key: string;
  /** Id of the bot in use, as the outside sees it. */
  id: string;
  name: string | null;
  owner: string | null;
  /** Digest of its token. */
  login: string;
  /** Claimant that polled before this process and may have left leases; null: nobody. */
  formerPoller: string | null;
}

/** Why a runner ended. */
export type RunnerEnd = 'stopped' | 'expired' | 'finished';

/** Serves one account: polls, runs the agent, delivers. */
export interface Runner {
  /** Resolves when it has ended, everything committed. Rejects with WxError for the store. */
  readonly done: Promise<RunnerEnd>;
  /** Turns running now. */
  readonly running: number;
  /** Ends it cleanly: running turns and queued parts get the grace time. */
  stop(): void;
}
