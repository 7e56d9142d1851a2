import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Account } from '../../home/accounts-file.ts';
import type { Store } from '../../store/port/port.ts';

/** An account as the server sees it: without its token. */
export type KnownAccount = Pick<Account, 'key' | 'id' | 'formerIds' | 'name' | 'owner' | 'loggedInAt'>;

/** What the server needs of the program that runs it. */
export interface WebBackend {
  store: Store;
  clock: Pick<Clock, 'now' | 'monotonic' | 'sleep'>;
  log: Log;
  version: string;
  /** Tells this store from others on this machine: cookies do not know ports. */
  instance: string;
  /** The accounts that are logged in by now. */
  accounts(): Promise<KnownAccount[]>;
  /** The process that receives an account's messages; null: none. */
  runnerOf(account: KnownAccount): Promise<{ pid: number; host: string } | null>;
}
