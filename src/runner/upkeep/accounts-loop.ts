import type { Clock } from '../../core/time/clock.ts';
import { abortedAfter } from '../../core/time/event-loop.ts';

/** A loop that the accounts of a process share, as its members: it runs as long as there is one. */
export interface AccountsLoop<T> {
  readonly members: ReadonlySet<T>;
  /** Adds a member. Resolves when the signal is aborted, and the member is gone. */
  join(member: T, signal: AbortSignal): Promise<unknown>;
}

/** See {@link AccountsLoop}. `run` begins with the first member; its signal is aborted when the last one is gone. */
export function createAccountsLoop<T>(run: (signal: AbortSignal) => Promise<void>): AccountsLoop<T> {
  const members = new Set<T>();
  let nobody = new AbortController();
  return {
    members,
    join(member, signal) {
      members.add(member);
      if (members.size === 1) {
        nobody = new AbortController();
        void run(nobody.signal);
      }
      return abortedAfter(signal, () => {
        members.delete(member);
        if (members.size === 0) nobody.abort();
      });
    },
  };
}

/** A loop that looks again and again for all of its members, as long as there is one. */
export function createLookLoop<T>(
  look: (members: ReadonlySet<T>) => Promise<void>,
  everyMs: number,
  clock: Pick<Clock, 'sleep'>,
): { join(member: T, signal: AbortSignal): Promise<void> } {
  let current: Promise<void> = Promise.resolve();
  const loop = createAccountsLoop<T>(async (signal) => {
    while (!signal.aborted) {
      current = look(loop.members);
      await current;
      if (!signal.aborted) await clock.sleep(everyMs, signal);
    }
  });
  return {
    async join(member, signal) {
      await loop.join(member, signal);
      // Nothing of a member goes on when it has left.
      await current;
    },
  };
}
