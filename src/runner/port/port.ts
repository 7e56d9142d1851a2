export interface RunnerAccount {
  /** Key of the account in the store. */
  key: string;
  /** ID of the bot, by which the outside knows the account. */
  id: string;
  name: string | null;
  owner: string | null;
  /** Digest of the token. */
  login: string;
  /** The former poller, which may have left leases; null: none. */
  formerPoller: string | null;
}

/** Why a runner ended. `lost`: another worker has the account. */
export type RunnerEnd = 'stopped' | 'expired' | 'finished' | 'lost';

/** Serves one account: polls, runs the agent, delivers. */
export interface Runner {
  /** Resolves when the runner has ended and everything is committed. Rejects with WxError for the store. */
  readonly done: Promise<RunnerEnd>;
  /** How many turns run now. */
  readonly running: number;
  /** Looks for what this process has queued for a user. */
  wake(user: string): void;
  /** Stops the runner. Running turns and queued parts get the grace time. */
  stop(): void;
  /**
   * Begins no turn until the running ones have ended. Resolves to true then, and none begins any more. If they take longer
   * than `ms`, it resolves to false, and all goes on. Messages are received meanwhile.
   */
  rest(ms: number): Promise<boolean>;
  /** Ends the runner when its running turns are answered, within the grace time. Nothing new is begun. */
  drain(): void;
  /** Ends the runner at once, whatever runs: another worker has the account, or may have it. */
  lose(): void;
}
