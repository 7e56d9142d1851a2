import type { BeforeCommit } from './one-transaction.ts';
import type { Step } from './statement.ts';

/** No account is called so: what runs under this name excludes only its like, in all processes. */
export const NO_ACCOUNT = '';

/** Makes steps wait while the disk is full or the server cannot be used, instead of failing, until the signal is aborted. */
export interface StepWait {
  signal: AbortSignal;
  /** Reports the reason from time to time. */
  report(why: string): void;
}

/** A database as the steps see it: something that runs them. Rejects with WxError `storage` when the database fails. */
export interface StepRunner {
  /**
   * Runs a step in one transaction. It may be run again from its beginning, so what it does beside that must bear it.
   * Steps of one account run in the order of their calls, and never beside each other, in whatever process. `beforeCommit`
   * gets the result before the commit: steps of the account that it asks for at once share the transaction.
   */
  run<T>(account: string, step: () => Step<T>, beforeCommit?: BeforeCommit<T>): Promise<T>;
  /** Runs a step that only reads. */
  read<T>(step: () => Step<T>): Promise<T>;
  /** Resolves when everything that this process has committed is on the disk. */
  flush(): Promise<void>;
  /**
   * Tells a number for each account, another one whenever another process has committed what concerns it: at once on SQLite,
   * where every commit counts for all accounts; on a server, within some two seconds when it is called each second. Throws
   * WxError `storage` when it {@link isLost}.
   */
  changes(): (account: string) => number;
  /** The database, or its tables, were deleted or replaced under this process. */
  readonly isLost: boolean;
  /** Checks the whole database; of a server, whether it answers. Returns what is wrong with it; null: nothing. */
  verify(): Promise<string | null>;
  /** Reserves some space for the time when the disk is full, where that is this machine's matter; never fails. */
  keepReserve(): Promise<void>;
  /** Resolves when every step so far has ended and its effect is on the disk. */
  close(): Promise<void>;
}
