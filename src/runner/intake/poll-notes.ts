import type { Clock } from '../../core/time/clock.ts';

/** How long what an empty poll has brought waits for that of other accounts: they share a commit. */
const WAIT_MS = 1_000;

/**
 * Stores what empty polls have brought: their time and a newer cursor. Nothing is lost with either, since the cursor
 * before tells the server the same. So no poll waits for it, and a thousand accounts do not commit thirty times a second.
 */
export interface PollNotes {
  /** Has `store` run soon, in place of what waits for this account. Waits while an earlier one still runs. */
  note(account: string, store: () => Promise<unknown>): Promise<void>;
  /** Drops what waits for this account: newer things are about to be stored. */
  forget(account: string): void;
  /** Stores what waits for this account now. */
  settle(account: string): Promise<void>;
}

/** See {@link PollNotes}; one for all accounts of a process. */
export function createPollNotes(clock: Pick<Clock, 'sleep'>): PollNotes {
  const waiting = new Map<string, () => Promise<unknown>>();
  const running = new Map<string, Promise<void>>();
  let isDue = false;

  async function run(account: string): Promise<void> {
    const store = waiting.get(account);
    if (!store) return running.get(account);
    waiting.delete(account);
    const ended = store().then(() => void running.delete(account));
    ended.catch(() => {}); // told to whoever notes the next one
    running.set(account, ended);
    return ended;
  }

  return {
    async note(account, store) {
      try {
        await running.get(account);
      } finally {
        running.delete(account);
      }
      waiting.set(account, store);
      if (isDue) return;
      isDue = true;
      void clock.sleep(WAIT_MS).then(() => {
        isDue = false;
        for (const each of [...waiting.keys()]) void run(each).catch(() => {});
      });
    },
    forget: (account) => void waiting.delete(account),
    async settle(account) {
      await run(account);
      running.delete(account);
    },
  };
}
