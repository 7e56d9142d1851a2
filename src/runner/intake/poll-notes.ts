import type { Clock } from '../../core/time/clock.ts';
import type { Polled } from '../../store/port/port.ts';

/** How long what an empty poll has brought waits for that of other accounts: they share a step. */
const WAIT_MS = 1_000;
/** So many accounts have a step together. */
const AT_ONCE = 200;

/**
 * Stores what empty polls have brought: their time and a newer cursor. Nothing is lost with either, since the cursor
 * before tells the server the same. So no poll waits for it, and a thousand accounts do not commit thirty times a second.
 */
export interface PollNotes {
  /** Has it stored soon, in place of what waits for its account. Waits while an earlier one is stored. */
  note(polled: Polled): Promise<void>;
  /** Drops what waits for this account: newer things are about to be stored. Waits as `note` does. */
  forget(account: string): Promise<void>;
  /** Stores what waits for this account now. */
  settle(account: string): Promise<void>;
}

/** See {@link PollNotes}; one for all accounts of a process. */
export function createPollNotes(
  clock: Pick<Clock, 'sleep'>,
  store: (polls: Polled[]) => Promise<void>,
): PollNotes {
  const waiting = new Map<string, Polled>();
  const running = new Map<string, Promise<void>>();
  let isDue = false;

  function run(polls: Polled[]): void {
    const stored = store(polls);
    for (const { account } of polls) {
      waiting.delete(account);
      const ended = stored.then(() => void running.delete(account));
      ended.catch(() => {}); // told to whoever notes the next one
      running.set(account, ended);
    }
  }

  return {
    async note(polled) {
      const { account } = polled;
      try {
        await running.get(account);
      } finally {
        running.delete(account);
      }
      waiting.set(account, polled);
      if (isDue) return;
      isDue = true;
      void clock.sleep(WAIT_MS).then(() => {
        isDue = false;
        const polls = [...waiting.values()];
        while (polls.length > 0) run(polls.splice(0, AT_ONCE));
      });
    },
    async forget(account) {
      waiting.delete(account);
      await running.get(account)?.catch(() => {});
    },
    async settle(account) {
      const polled = waiting.get(account);
      if (polled) run([polled]);
      await running.get(account);
      running.delete(account);
    },
  };
}
